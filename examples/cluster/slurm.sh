#!/bin/bash
# An experiment as an array of shares, and the merged table behind it. Change the command and the numbers, then: bash slurm.sh
set -euo pipefail
: "${OUT:=$PWD/results}" "${SHARES:=200}" "${AT_ONCE:=50}"
: "${COMMAND:=perceptual-ball benchmark localization --data imagenet:$HOME/imagenet --model $HOME/vgg19_bn.onnx --threads 1}"
mkdir -p "$OUT"

# `exec`: SIGTERM reaches the command, which finishes writing and stops; `--requeue` starts it again, and it goes on from there.
array=$(sbatch --parsable --array="0-$((SHARES - 1))%$AT_ONCE" --job-name=perceptual-ball --requeue --signal=B:TERM@120 \
  --cpus-per-task=1 --mem=3G --time=08:00:00 --output="$OUT/log-%a.txt" \
  --wrap "exec $COMMAND --shard auto/$SHARES --out $OUT/share-\$SLURM_ARRAY_TASK_ID --allow-failed 5 --quiet")

# afterany: one failing share does not lose the others' table, and says which it is.
sbatch --parsable --dependency="afterany:$array" --job-name=perceptual-ball-merge --output="$OUT/log-merge.txt" \
  --wrap "perceptual-ball status $OUT/share-* && perceptual-ball merge $OUT/share-* -o $OUT/all && exec $COMMAND --out $OUT/all"
echo "perceptual-ball status $OUT/share-*   says how far it is"
