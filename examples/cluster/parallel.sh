#!/bin/bash
# The machines under the desks: GNU parallel over ssh, or on this one. perceptual-ball, the model and the data are at the same places on all of them.
# Change the command and the machines, then: bash parallel.sh
set -euo pipefail
: "${OUT:=$PWD/results}" "${SHARES:=100}" "${AT_ONCE:=100%}"
# One line each: 8/user@host for eight processes there, : for this machine.
: "${MACHINES:=:}"
: "${COMMAND:=perceptual-ball benchmark localization --data imagenet:$HOME/imagenet --model $HOME/vgg19_bn.onnx --threads 1}"
mkdir -p "$OUT"

# What has failed is tried three times; the same script goes on where it was stopped. Folders come back by rsync.
seq "$SHARES" | parallel --sshlogin "$MACHINES" --jobs "$AT_ONCE" --retries 3 --joblog "$OUT/jobs.tsv" --resume-failed \
  --workdir "$PWD" --return "$OUT/share-{}" "mkdir -p $OUT; $COMMAND --shard {}/$SHARES --out $OUT/share-{} --allow-failed 5 --quiet"

perceptual-ball merge "$OUT"/share-* -o "$OUT/all"
$COMMAND --out "$OUT/all"
