"""Sprites of the emoji world: Noto Color Emoji glyphs and drawn shapes, and the words that name them.

Needs Debian's fonts-noto-color-emoji (SIL Open Font License 1.1) and unicode-cldr-core (Unicode-DFS-2016).
"""
import functools
import math
import re
import xml.etree.ElementTree as ET

import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONT = '/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf'
CLDR = '/usr/share/unicode/cldr/common/annotations/en.xml'
SIZE = 128

SHAPES = ['circle', 'square', 'triangle', 'star', 'diamond', 'heart', 'ring', 'hexagon', 'cross', 'crescent']

# The name in captions = CLDR's short name, left out where they are the same.
NOUNS = {n.split('=')[0]: n.split('=')[-1] for n in re.split(r'\|\s*', """
dog=dog face|cat=cat face|mouse=mouse face|rabbit=rabbit face|fox|bear|panda|koala|tiger=tiger face|lion|
cow=cow face|pig=pig face|frog|monkey=monkey face|gorilla|wolf|raccoon|horse=horse face|unicorn|zebra|goat|
sheep=ewe|camel|giraffe|elephant|rhinoceros|hippopotamus|kangaroo|sloth|hedgehog|bat|chicken|rooster|
chick=front-facing baby chick|penguin|dove|eagle|duck|swan|owl|flamingo|peacock|parrot|crocodile|turtle|
snake|dragon=dragon face|dinosaur=sauropod|whale=spouting whale|dolphin|fish|tropical fish|blowfish|shark|
octopus|snail|butterfly|caterpillar=bug|ant|bee=honeybee|ladybug=lady beetle|spider|
spider web|scorpion|crab|lobster|paw print=paw prints|
sunflower|rose|tulip|daisy=blossom|cherry blossom|bouquet|cactus|pine tree=evergreen tree|tree=deciduous tree|
palm tree|mushroom|clover=four leaf clover|maple leaf|potted plant|
apple=red apple|pear|tangerine|lemon|banana|watermelon|bunch of grapes=grapes|strawberry|cherry=cherries|
peach|pineapple|coconut|kiwi=kiwi fruit|tomato|eggplant|avocado|broccoli|carrot|ear of corn|
chili pepper=hot pepper|bell pepper|onion|loaf of bread=bread|croissant|baguette=baguette bread|pretzel|
stack of pancakes=pancakes|waffle|slice of cheese=cheese wedge|chicken leg=poultry leg|hamburger|
box of fries=french fries|pizza|hot dog|sandwich|taco|fried egg=cooking|egg|box of popcorn=popcorn|rice ball|
sushi|bowl of noodles=steaming bowl|ice cream=soft ice cream|doughnut|cookie|birthday cake|
piece of cake=shortcake|cupcake|pie|chocolate bar|lollipop|honey pot|baby bottle|glass of milk|
cup of coffee=hot beverage|teapot|wine glass|cocktail=cocktail glass|mug of beer=beer mug|
bottle of champagne=bottle with popping cork|bubble tea|knife=kitchen knife|
car=automobile|bus|taxi|police car|ambulance|fire engine|truck=delivery truck|tractor|racing car|motorcycle|
scooter=motor scooter|bicycle|skateboard|roller skate|train=locomotive|cruise ship=passenger ship|sailboat|
speedboat|airplane|helicopter|rocket|flying saucer|parachute|ferris wheel|roller coaster|carousel horse|
anchor|wheel|
house|castle|church|tent|fountain|volcano|mountain=snow-capped mountain|sun=sun with face|moon=full moon|
shooting star|cloud|rain cloud=cloud with rain|rainbow|tornado|snowman|snowflake|fire|water drop=droplet|
lightning bolt=high voltage|planet=ringed planet|globe=globe showing Americas|
soccer ball|basketball|baseball|football=american football|tennis racket=tennis|billiard ball=pool 8 ball|
boxing glove|trophy|medal=sports medal|target=bullseye|kite|yo-yo|teddy bear|game die|puzzle piece|
game controller=video game|paint palette=artist palette|guitar|violin|trumpet|saxophone|drum|
piano=musical keyboard|microphone|pair of headphones=headphone|bell|book=closed book|stack of books=books|
newspaper|envelope|package|mailbox=closed mailbox with raised flag|pencil|paintbrush|ruler=straight ruler|
pair of scissors=scissors|key|lock=locked|hammer|axe|wrench|magnet|ladder|bathtub|toilet|bed|chair|door|
candle|light bulb|flashlight|alarm clock|hourglass=hourglass done|telephone|phone=mobile phone|laptop|
computer=desktop computer|television|camera|battery|microscope|telescope|pill|tooth|bone|brain|eye|
gem=gem stone|diamond ring=ring|crown|top hat|graduation cap|pair of glasses=glasses|
pair of sunglasses=sunglasses|necktie|t-shirt|pair of jeans=jeans|dress|pair of socks=socks|
pair of gloves=gloves|shoe=running shoe|boot=woman’s boot|high heel=high-heeled shoe|handbag|backpack|
suitcase=luggage|umbrella|money bag|gift=wrapped gift|balloon|jack-o-lantern|christmas tree=Christmas tree|
crystal ball|bomb|shield|skull|traffic light=vertical traffic light|stop sign|shopping cart|barrel=oil drum|
flag=triangular flag|
ghost|robot|alien|space invader=alien monster|pile of poo|clown=clown face|smiling face=slightly smiling face|
grinning face|winking face|crying face|angry face=enraged face|sunglasses face=smiling face with sunglasses|
sleeping face|devil=smiling face with horns|angel=smiling face with halo|heart-eyes face=smiling face with heart-eyes|cowboy=cowboy hat face
""".strip())}


def annotations():
    """CLDR's short name -> (character, keywords)."""
    names, keywords = {}, {}
    for a in ET.parse(CLDR).iter('annotation'):
        if a.get('type') == 'tts':
            names.setdefault(a.text, a.get('cp'))
        else:
            keywords[a.get('cp')] = a.text.split(' | ')
    return {n: (c, keywords.get(c, [])) for n, c in names.items()}


# Other words for the same thing, all of them keywords of CLDR.
SYNONYMS = dict(pair.split('=') for pair in re.split(r'\|\s*', """
rabbit=bunny|hippopotamus=hippo|turtle=tortoise|snake=serpent|dinosaur=brontosaurus|bee=honeybee|ladybug=ladybird|
pine tree=evergreen tree|mushroom=toadstool|eggplant=aubergine|bell pepper=capsicum|ear of corn=maize|
loaf of bread=loaf|stack of pancakes=pancake|chicken leg=drumstick|hamburger=burger|hot dog=hotdog|doughnut=donut|
car=automobile|train=locomotive|fire=flame|target=bullseye|puzzle piece=jigsaw|game controller=controller|
package=parcel|axe=hatchet|wrench=spanner|wheel=tire|trophy=prize|light bulb=bulb|flashlight=torch|television=tv|gem=jewel|
necktie=tie|t-shirt=shirt|shoe=sneaker|handbag=purse|backpack=rucksack|gift=present|pile of poo=poop|bowl of noodles=noodle|
tennis racket=racquet|globe=earth|airplane=aeroplane
""".strip().rstrip('|')))


def drawn(name, s=512):
    """The mask of a geometric shape."""
    im = Image.new('L', (s, s), 0)
    d = ImageDraw.Draw(im)
    m, c = s * .04, s / 2
    r = c - m

    def poly(k, radius, start=-90):
        return [(c + radius * math.cos(math.radians(start + 360 * i / k)),
                 c + radius * math.sin(math.radians(start + 360 * i / k))) for i in range(k)]

    if name == 'circle':
        d.ellipse((m, m, s - m, s - m), 255)
    elif name == 'square':
        d.rectangle((m, m, s - m, s - m), 255)
    elif name == 'triangle':
        d.polygon([(c, m), (s - m, s - m * 1.5), (m, s - m * 1.5)], 255)
    elif name == 'star':
        d.polygon([p for q in zip(poly(5, r), poly(5, r * .42, -54)) for p in q], 255)
    elif name == 'diamond':
        d.polygon(poly(4, r), 255)
    elif name == 'heart':
        turn = np.linspace(0, 2 * math.pi, 200)
        y = 13 * np.cos(turn) - 5 * np.cos(2 * turn) - 2 * np.cos(3 * turn) - np.cos(4 * turn)
        d.polygon(list(zip(c + 16 * np.sin(turn) ** 3 * r / 17, c * .94 - y * r / 17)), 255)
    elif name == 'ring':
        d.ellipse((m, m, s - m, s - m), 255)
        d.ellipse((s * .28, s * .28, s * .72, s * .72), 0)
    elif name == 'hexagon':
        d.polygon(poly(6, r), 255)
    elif name == 'cross':
        d.rectangle((s * .34, m, s * .66, s - m), 255)
        d.rectangle((m, s * .34, s - m, s * .66), 255)
    elif name == 'crescent':
        d.ellipse((m, m, s - m, s - m), 255)
        d.ellipse((s * .3, m * .3, s * 1.08, s * .8), 0)
    return np.array(im.resize((SIZE, SIZE), Image.LANCZOS))


def glyph(font, char):
    """The glyph's tight box centred on a SIZE square."""
    im = Image.new('RGBA', (400, 200))
    ImageDraw.Draw(im).text((20, 20), char, font=font, embedded_color=True)
    im = im.crop(im.getbbox())
    f = SIZE / max(im.size)
    im = im.resize((max(1, round(im.width * f)), max(1, round(im.height * f))), Image.LANCZOS)
    out = Image.new('RGBA', (SIZE, SIZE))
    out.paste(im, ((SIZE - im.width) // 2, (SIZE - im.height) // 2))
    return np.array(out)


@functools.cache
def atlas():
    """Name -> uint8 RGBA [SIZE, SIZE, 4]; shapes are white."""
    font, chars = ImageFont.truetype(FONT, 109), annotations()
    sprites = {noun: glyph(font, chars[name][0]) for noun, name in NOUNS.items()}
    for s in SHAPES:
        mask = drawn(s)
        sprites[s] = np.stack([np.full_like(mask, 255)] * 3 + [mask], -1)
    return sprites
