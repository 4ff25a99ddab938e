"""All stages in about a minute on one thread, with the smallest networks: that everything runs, that training goes on after a kill, and
that what is exported is complete. The model draws nothing worth looking at.
"""
import argparse
import os
import signal
import subprocess
import sys
import time

from PIL import Image

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


def write_images(folder):
    """Images of several sizes with captions beside them, one of them broken."""
    os.makedirs(f'{folder}/more', exist_ok=True)
    for i in range(60):
        name = f'{folder}/{"more/" if i % 2 else ""}{i}'
        Image.new('RGB', (40 + i, 90 - i), ('red', 'green', 'blue')[i % 3]).save(f'{name}.png')
        with open(f'{name}.txt', 'w', encoding='utf8') as f:
            f.write(f"{('red', 'green', 'blue')[i % 3]} paper\n\na colour\n")
    with open(f'{folder}/broken.jpg', 'wb') as f, open(f'{folder}/broken.txt', 'w', encoding='utf8') as text:
        f.write(b'no image')
        text.write('nothing\n')


p = argparse.ArgumentParser(description=__doc__)
p.add_argument('--folder', required=True)
a = p.parse_args()

small = ['--batch', '8', '--validation', '16', '--warmup', '2']
dvae = ['--width', '16', '--decoder-width', '16', '--codes', '32', '--dim', '8', '--blocks', '1', *small]
transformer = ['--attention', 'sparse', '--layers', '2', '--dim', '32', '--heads', '2', *small]
run('bpe', '--size', '400', '--captions', '300')
run('train_dvae', '--quantiser', 'vq', '--minutes', '.05', *dvae, '--folder', f'{a.folder}/vq')
resumed('train_dvae', 'dvae.safetensors', '--quantiser', 'gumbel', *dvae)
resumed('train_transformer', 'transformer.safetensors', *transformer)
run('train_transformer', '--minutes', '.2', '--accumulate', '2', '--processes', '2', '--powersgd', '2', *transformer)
run('widen', '--width', '24')
run('train_dvae', '--quantiser', 'gumbel', '--minutes', '.05', '--freeze', '0', *dvae, '--decoder-width', '24')
run('train_clip', '--width', '16', '--text-width', '32', '--minutes', '.05', *small[2:], '--batch', '16')
run('slim', '--out', f'{a.folder}/slim')
images = f'{a.folder}/images'
write_images(images)
of_images = ['--data', images, '--folder', f'{a.folder}/of-images']
run('bpe', '--size', '300', '--captions', '50', *of_images)
run('train_dvae', '--minutes', '.05', *dvae, *of_images)
run('train_transformer', '--minutes', '.05', *transformer, *of_images)
run('train_clip', '--width', '16', '--text-width', '32', '--minutes', '.05', *small[2:], '--batch', '16', *of_images)
run('export', '--name', 'of-images', '--out', f'{a.folder}/of-images/model', *of_images)
run('classifier', '--width', '8', '--minutes', '.05', *small)
run('evaluate', '--scenes', '16', '--prompts', '4', '--candidates', '2', '--processes', '1')
run('sample', '--first', '4', '--candidates', '2', '--out', f'{a.folder}/samples.png')
unet = ['--width', '32', '--multiples', '1,2', *small]
run('train_unclip', '--stage', 'prior', '--minutes', '.05', '--width', '64', '--layers', '2', '--heads', '2', '--statistics', '100', *small)
resumed('train_unclip', 'decoder.pt', '--stage', 'decoder', *unet)
run('train_unclip', '--stage', 'upsampler', '--minutes', '.05', *unet)
run('evaluate_unclip', '--prompts', '4')
run('export_unclip', '--out', f'{a.folder}/unclip', '--golden', f'{a.folder}/unclip-golden')
run('export', '--out', f'{a.folder}/model', '--golden', f'{a.folder}/golden')
