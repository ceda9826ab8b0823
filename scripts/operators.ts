/**
 * @file OPERATORS.md, from the records of the operators and of their rules.
 *
 * test/operators-document.test.ts compares the file with this; `npm run operators` makes the same test write it, as a file
 * snapshot. So the check and the writer are one, both read the sources rather than a build, and Node needs no loader for
 * TypeScript.
 */
import { isNonDifferentiable, ruleOf } from "../src/autodiff/rules/index.ts";
import { type Operator, operatorFamilies, operators } from "../src/onnx/operators/table.ts";
import { classicalModels } from "../src/onnx/rewrites/classical/classical-models.ts";
import { fusedOperatorNames } from "../src/onnx/rewrites/decompose-fused-operators.ts";
import { fourierOperators } from "../src/onnx/rewrites/fourier-transform.ts";
import { canonicalOpset, oldestOpset } from "../src/onnx/rewrites/opsets/upgrade-opset.ts";
import { quantizedOperators } from "../src/onnx/rewrites/quantized-operators.ts";
import { recurrentOperators } from "../src/onnx/rewrites/recurrent-operators.ts";
import { sequenceOperatorNames } from "../src/onnx/rewrites/sequence-operators.ts";
import { shapedOperators } from "../src/onnx/rewrites/shaped-operators.ts";
import { newestOpset } from "../src/onnx/validate.ts";

const { activations, attention, constants, indexing, resampling, ...rest } = operatorFamilies;

/** The sections of the document: families of operators, small ones put together. */
const sections = {
  convolution: rest.convolution,
  elementwise: { ...rest.elementwise, ...activations },
  linalg: { ...rest.linalg, ...attention },
  movement: { ...rest.movement, ...constants, ...indexing, ...resampling },
  normalization: rest.normalization,
  pooling: rest.pooling,
  quantization: rest.quantization,
  reduction: rest.reduction,
};

/** `text` for a cell of a Markdown table. */
function cell(text: string): string {
  const plain = text.replace(/([|*_<>[\]])/g, "\\$1");
  return /[.:]$/.test(plain) ? plain : `${plain}.`;
}

/** One row: operator, what there is of it, its rule in a formula with conventions, and what the passes that explain do. */
function row(operator: Operator): string {
  const rule = ruleOf(operator);
  if (rule === undefined) return `| ${operator} | shape, kernel | none by design | – | – |`;
  return `| ${operator} | shape, kernel, gradient | ${cell(rule.formula)} | ${rule.guided} | ${rule.excitation.by} |`;
}

function listed(names: readonly string[]): string {
  return names.toSorted().join(", ");
}

/** The text of OPERATORS.md. */
export function operatorsDocument(): string {
  const known = Object.keys(operators) as Operator[];
  const tables = Object.entries(sections).map(([family, table]) => {
    const rows = (Object.keys(table) as Operator[]).toSorted().map(row);
    const title = `${family[0].toUpperCase()}${family.slice(1)}`;
    return `## ${title}\n\n| operator | rules | gradient, and conventions at ties and kinks | guided | excitation |\n|---|---|---|---|---|\n${rows.join("\n")}\n`;
  });
  const differentiable = known.filter((operator) => !isNonDifferentiable(operator)).length;
  return `# Operators

Written by \`npm run operators\` from the records in \`src/onnx/operators\` and \`src/autodiff/rules\`. Do not edit.

${known.length} operators of the standard domain \`ai.onnx\` are known, in opsets ${oldestOpset} to ${newestOpset}. A model of an opset below ${canonicalOpset} is raised to
${canonicalOpset} when it is loaded; functions of the model are inlined. ${differentiable} operators have a gradient rule. The other ${known.length - differentiable} are comparisons, indices and
shapes: their derivative is zero almost everywhere, so nothing flows back through them, by design.

- **shape**: from the shapes of its inputs to the shapes of its outputs. All shapes are static.
- **kernel**: what the operator computes, in float64. Gradients are checked against it.
- **gradient**: the VJP rule. x̄ is the cotangent of x: the derivative of the result with respect to x. [·] is 1 where the condition holds, else 0.
  Where an operator rounds, its gradient is a convention: the cotangent goes straight through, as if it did not (Bengio, Léonard and Courville, 2013, arXiv
  1308.3432). \`gradientSteps\` names the nodes of a graph where that happens.
- **guided**: what guided backpropagation does. *Gated* rules pass on positive cotangents only, each with its own derivative; for the
  same operators the deconvolutional network passes on positive cotangents whatever the derivative.
- **excitation**: how excitation backpropagation hands the probability p of the output to its inputs. *weights*: x⁺ ∘ W⁺ᵀ (p / (W⁺ x⁺)),
  without biases; for Attention, to the values by the probabilities. *shares*: in proportion to what each input adds, x⁺ ∘ Jᵀ (p / f(x⁺));
  constants get nothing. *factors*: to the factors that are no gates (outputs of Sigmoid, HardSigmoid or Softmax), in equal parts.
  *first*: unchanged, to the first input that depends on the image.

## Where the methods' papers are silent

Guided backpropagation, the deconvolutional network and excitation backpropagation were published for networks of convolutions and ReLUs. What they do in
others is a choice; the same network gets the same result whichever way its exporter wrote it.

- **GELU, SiLU and other smooth or leaky rectifiers.** Guided backpropagation (Springenberg et al., 2015, section 3.4) lets a cotangent pass a ReLU where both the
  input and the cotangent are positive: the first is the ReLU's own derivative, the second is added. For its relatives the first is their own derivative too, and the
  second stays: GELU is x Φ(x), the mean of a ReLU whose gate is drawn at random (Hendrycks and Gimpel, *Gaussian Error Linear Units*, 2016, arXiv 1606.08415), so
  its derivative is that of the mean. Exporters often write such an activation as a product of x with a function of x (x · Sigmoid(x), x · (1 + Erf(x / √2)) / 2):
  a product whose function tends to 0 on the left and to a positive number on the right is gated like the activation. Squashing functions (Sigmoid, Tanh) hold
  nothing back and are differentiated. Other implementations (Captum's, TorchRay's) replace ReLU alone, which in a network of GELUs leaves the gradient.
  Excitation backpropagation passes p through activations unchanged (Zhang et al., 2016, whose neurons are weights and ReLU in one); a negative number
  excites nothing, so the small negative outputs of GELU count as 0.
- **LayerNorm and the other normalizations.** Guided backpropagation differentiates them. In excitation backpropagation they scale and shift, like BatchNormalization:
  p passes unchanged, and the mean and the deviation, which depend on the image as well, get nothing. This is the rule by which Ali et al. (*XAI for Transformers:
  Better Explanations through Conservative Propagation*, 2022, arXiv 2202.07304) make relevance conserved in transformers: the deviation is
  held constant. It holds for LayerNormalization as one operator and for the ReduceMean, Sub, Pow, Sqrt and Div that older exporters write.
- **Attention.** Guided backpropagation differentiates it; there is no rectifier in it. In excitation backpropagation the probabilities are the weights of a sum over the values:
  p goes to the positive parts of the values by the probabilities, and nothing through the softmax to queries and keys, which only choose. Ali et al. hold the probabilities
  constant for the same reason. It holds for Attention as one operator and for MatMul, Softmax and MatMul. At residual sums p is shared in proportion to the positive parts.

## Operators that are written in others

These are replaced by the operators below when a model is loaded, and so have values, gradients and explanations like them.

- **Control flow**: If, where its condition does not depend on the input; Loop, where the number of turns does not; Scan. Their branches and turns take their
  place. What depends on the input is refused by name.
- **Sequences and optional values** whose elements are known one by one, as \`unbind\` and lists of tensors are written: ${listed(sequenceOperatorNames)}.
- **Recurrent networks**: ${listed(Object.keys(recurrentOperators))}, step by step, in both directions, with lengths of sequences, initial states, peepholes and all activations of the
  standard. Gates that are clipped are refused.
- **By the shapes of their inputs**: ${listed(Object.keys({ ...shapedOperators, ...fourierOperators }))}. DequantizeLinear is replaced where it works in blocks. Attention with a cache of
  keys and values is refused.
- **onnxruntime's, of the domain com.microsoft**: ${listed(fusedOperatorNames)}.
- **scikit-learn's, of the domain ai.onnx.ml**: ${listed(Object.keys(classicalModels))}. ZipMap and LabelEncoder, which put results into words, are passed over.
- **Quantized**: ${listed(Object.keys(quantizedOperators))}. They compute with real numbers between DequantizeLinear and QuantizeLinear: gradients pass straight through the rounding.

An operator that is in neither list is an error that names every node concerned.

${tables.join("\n")}`;
}
