/** @file What the names of outputs say of what is given out. */

/** Names of outputs that say nothing of what is given out. */
export const unnamed = /^(outputs?|out|y|results?|value|var|statefulpartitionedcall)?[-_.:\s]*\d*$/i;

/** A name as words, in lower case: "bboxPred_1:0" is "bbox pred ". */
export const words = (name: string): string =>
  name
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .replace(/[\d_/.:-]+/g, " ")
    .toLowerCase();

/** Words of quantities, boxes and places. */
export const regressing =
  /\b(ages?|prices?|depths?|regressions?|regressors?|reg|bbox|bboxes|box|boxes|landmarks?|keypoints?|coords?|coordinates?|offsets?|loc|locations?|yaw|pitch|roll|poses?|gaze|temperatures?|weights?|heights?|bmi|angles?|distances?|counts?|ratings?|quality|qualities|areas?|volumes?|masks?|heatmaps?)\b/;

/** Words of features. */
export const embedding =
  /\b(embed|embeds|embedding|embeddings|emb|feat|feats|feature|features|hidden|descriptor|latent|pooler|pooled|repr|representation|state)\b/;

/** Words of maps of where a network looks, one for each class or head. */
export const mapping = /\b(cams?|activation maps?|attentions?|attn|heat ?maps?|saliency|relevance|attributions?)\b/;

/** Words of a classification. */
export const classifying =
  /\b(class|classes|cls|clas|logit|logits|prob|probs|probability|probabilities|softmax|label|labels|category|categories|classification|classifier)\b/;

/** Words of a head that was there for training. */
export const auxiliary = /\baux\w*\b/;
