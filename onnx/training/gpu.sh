#!/bin/bash
# The built-in model on one GPU (H100) in two commands of less than 10 minutes, one after the other on the same machine:
#   bash gpu.sh 1    # dVAE (4 min), transformer (first 4.2 of 12 min)
#   bash gpu.sh 2    # transformer (the rest), CLIP (1.5 min)
# Before, at home: python3 bpe.py --folder $RUN; python3 pack.py        (writes world.npz: neither font nor Pillow is needed there)
# A dVAE that is finished already ($RUN/dvae.safetensors with more minutes than 4) is taken as it is: then STOP=8.2 bash gpu.sh 1.
# What is left in $OUT: slim checkpoints in pieces of 15 MiB (cat transformer.safetensors.* > transformer.safetensors), a log and pictures where Pillow is.
# SMALL=1 tries all of it in its smallest size, on a CPU as well.
set -eo pipefail
cd "$(dirname "$0")"
RUN=${RUN:-run}; OUT=${OUT:-$RUN/out}; PY=${PYTHON:-python3}
mkdir -p "$RUN" "$OUT"
W=${WORKERS:-$(( $(nproc) - 1 ))}
if [ -n "$SMALL" ]; then
  D="--minutes .1 --batch 8 --validation 16 --width 16 --decoder-width 16 --codes 64 --workers 2"
  T="--minutes .2 --batch 8 --validation 16 --layers 2 --dim 64 --heads 1 --workers 2"; STOP=.1
  C="--minutes .1 --batch 16 --validation 16 --width 16 --text-width 32 --workers 2"
else
  D="--minutes 4 --batch 192 --lr 2e-3 --validation 1000 --workers $W --every 40"
  T="--minutes 12 --batch 384 --layers 8 --dim 384 --heads 6 --lr 2.5e-3 --matrix-lr .02 --workers $W --every 60 --compile --warmup 200"; STOP=${STOP:-4.2}
  C="--minutes 1.6 --batch 512 --lr 1.5e-3 --validation 800 --workers $W --every 30"
fi
export OMP_NUM_THREADS=1
[ -f "$RUN/merges.txt" ] || $PY bpe.py --folder "$RUN"
case $1 in
1) $PY train_dvae.py --folder "$RUN" $D 2>&1 | tee -a "$RUN/log"
   $PY train_transformer.py --folder "$RUN" $T --stop $STOP 2>&1 | tee -a "$RUN/log" ;;
2) $PY train_transformer.py --folder "$RUN" $T 2>&1 | tee -a "$RUN/log"
   $PY train_clip.py --folder "$RUN" $C 2>&1 | tee -a "$RUN/log" ;;
esac
$PY slim.py --folder "$RUN" --out "$OUT"
cp "$RUN/log" "$RUN/vocab.json" "$RUN/merges.txt" "$OUT"
$PY sample.py --folder "$RUN" --candidates 4 --out "$OUT/samples.png" || true
