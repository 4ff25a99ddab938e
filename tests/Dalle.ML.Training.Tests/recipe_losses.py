"""Trains a few steps with the networks and losses of the recipes, on data that a test of Dalle.ML.Training wrote: the arguments say what. Prints
the losses as JSON and writes the checkpoint after them."""
import json
import sys

import torch

sys.path.append(sys.argv[1])
import models
import safetensors_io
import train_clip
import train_dvae
import training

folder, case = sys.argv[2], json.loads(sys.argv[3])
torch.set_num_threads(1)
arrays, _ = safetensors_io.load(f'{folder}/data.safetensors')
data = {k: torch.from_numpy(v) for k, v in arrays.items()}
stage, steps, schedule = case['stage'], case['steps'], case['schedule']
path = f'{folder}/{stage}.safetensors'
saved = training.read(path)
model = {'dvae': models.Dvae, 'transformer': models.Transformer, 'clip': models.Clip}[stage](**saved['config'])
model.load_state_dict(saved['model'])
if stage != 'transformer':
    model.to(memory_format=torch.channels_last)


class Run:
    """What the losses ask of a run."""
    rank, processes, device, saved = 0, 1, torch.device('cpu'), saved

    def autocast(self):
        return torch.autocast('cpu', dtype=torch.bfloat16, enabled=case['bfloat16'])

    def average(self, *tensors):
        pass


if stage == 'transformer':
    groups = [dict(params=[p for p in model.parameters() if p.dim() > 1]), dict(params=[p for p in model.parameters() if p.dim() <= 1], weight_decay=0)]
else:
    groups = list(model.parameters())
optimiser = torch.optim.AdamW(groups, schedule['rate'], betas=(schedule['beta1'], schedule['beta2']), weight_decay=schedule['decay'])
if saved['step']:
    training.restore_moments(model, optimiser, saved)
run = Run()
if stage == 'dvae':
    # Dalle.ML.Training keeps one loss to the end: steep edges cost the colours of its smallest models.
    loss_of = train_dvae.VqLoss(model, run, alone=(50, 5, 0)) if saved['config']['quantiser'] == 'vq' else train_dvae.GumbelLoss(model, run)
elif stage == 'clip':
    loss_of = train_clip.Loss(model, run)
losses = []
for step in range(saved['step'], saved['step'] + steps):
    done = step / case['total']
    rows = data['order'][step - case['first']].long()
    if stage == 'dvae':
        frozen = done >= case['freeze']
        model.encoder.requires_grad_(not frozen)
        value, figures = loss_of(data['pixels'][rows].permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last) / 255, done, frozen)
        phase = (done - case['freeze']) / (1 - case['freeze']) if frozen else done / case['freeze']
    elif stage == 'transformer':
        with run.autocast():
            of_image, _, of_text = model.losses(data['text'][rows].long(), data['tokens'][rows].long())
        value, figures, phase = of_image * 7 / 8 + of_text / 8, dict(image=of_image, text=of_text), done
    else:
        text = data['text'][rows].long()
        value, figures = loss_of(text, data['pixels'][rows].permute(0, 3, 1, 2) / 255, text.unique(dim=0, return_inverse=True)[1])
        figures, phase = dict(loss=value, **figures), done
    optimiser.zero_grad(set_to_none=True)
    value.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), schedule['clip'])
    a = type('a', (), dict(lr=schedule['rate'], warmup=schedule['warmup']))
    rate = training.Run.learning_rate(type('r', (), dict(a=a, step=step, done=phase)))
    for g in optimiser.param_groups:
        g['lr'] = rate
    optimiser.step()
    losses.append({k: float(v) for k, v in figures.items()})
training.write(path, model, optimiser, dict(config=model.config, step=saved['step'] + steps, seen=0, elapsed=saved['elapsed']))
print(json.dumps(losses))
