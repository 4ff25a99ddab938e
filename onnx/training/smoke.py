"""All stages in about a minute on one thread, with the smallest networks: that everything runs, that training goes on after a kill, and
that what is exported is complete. The model draws nothing worth looking at.
"""
import argparse
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def start(script, *options):
    return subprocess.Popen([sys.executable, f'{HERE}/{script}.py', '--folder', a.folder, *options],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def run(script, *options):
    begun, process = time.time(), start(script, *options)
    output = process.communicate()[0]
    print(f'{script} {" ".join(options)}: {time.time() - begun:.0f} s\n  ' + output.strip().replace('\n', '\n  '), flush=True)
    if process.returncode:
        raise SystemExit(f'{script} failed with {process.returncode}')
    return output


def killed(script, checkpoint, *options):
    """Starts a stage without an end and kills it once it has written its checkpoint."""
    process = start(script, '--minutes', '30', *options)
    while not os.path.exists(f'{a.folder}/{checkpoint}'):
        if process.poll() is not None:
            raise SystemExit(process.communicate()[0])
        time.sleep(.1)
    process.send_signal(signal.SIGKILL)
    process.wait()


def resumed(script, checkpoint, *options):
    killed(script, checkpoint, '--every', '1', *options)
    if 'goes on from step' not in run(script, '--minutes', '.1', *options):
        raise SystemExit(f'{script} did not go on from its checkpoint')


p = argparse.ArgumentParser(description=__doc__)
p.add_argument('--folder', required=True)
a = p.parse_args()

small = ['--batch', '8', '--validation', '16', '--warmup', '2']
dvae = ['--width', '16', '--decoder-width', '16', '--codes', '32', '--dim', '8', *small]
transformer = ['--attention', 'sparse', '--layers', '2', '--dim', '32', '--heads', '2', *small]
run('bpe', '--size', '400', '--captions', '300')
run('train_dvae', '--quantiser', 'vq', '--minutes', '.05', *dvae, '--folder', f'{a.folder}/vq')
resumed('train_dvae', 'dvae.safetensors', '--quantiser', 'gumbel', *dvae)
resumed('train_transformer', 'transformer.safetensors', *transformer)
run('train_transformer', '--minutes', '.2', '--accumulate', '2', '--processes', '2', '--powersgd', '2', *transformer)
run('train_clip', '--width', '16', '--text-width', '32', '--minutes', '.05', *small[2:], '--batch', '16')
run('classifier', '--width', '8', '--minutes', '.05', *small)
run('evaluate', '--scenes', '16', '--prompts', '4', '--candidates', '2', '--processes', '1')
unet = ['--width', '32', '--multiples', '1,2', *small]
run('train_unclip', '--stage', 'prior', '--minutes', '.05', '--width', '64', '--layers', '2', '--heads', '2', '--statistics', '100', *small)
resumed('train_unclip', 'decoder.pt', '--stage', 'decoder', *unet)
run('train_unclip', '--stage', 'upsampler', '--minutes', '.05', *unet)
run('evaluate_unclip', '--prompts', '4')
run('export_unclip', '--out', f'{a.folder}/unclip', '--golden', f'{a.folder}/unclip-golden')
run('export', '--out', f'{a.folder}/model', '--golden', f'{a.folder}/golden')
