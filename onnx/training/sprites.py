"""Sprites of the emoji world: Noto Color Emoji glyphs and drawn shapes, and the words that name them.

Needs Debian's fonts-noto-color-emoji (SIL Open Font License 1.1) and unicode-cldr-core (Unicode-DFS-2016).
"""
import functools
import math
import os
import re
import xml.etree.ElementTree as ET

import numpy as np

try:
    from PIL import Image, ImageDraw, ImageFont
except ImportError:                                                       # then there is a pack
    pass

FONT = '/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf'
CLDR = '/usr/share/unicode/cldr/common/annotations/en.xml'
SIZE = 128
PACK = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'world.npz')

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
cloud|rain cloud=cloud with rain|rainbow|tornado|snowman|snowflake|fire|water drop=droplet|
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
sleeping face|devil=smiling face with horns|angel=smiling face with halo|heart-eyes face=smiling face with heart-eyes|cowboy=cowboy hat face|
baby|boy|girl|man|woman|old man|old woman|police officer|detective|ninja|builder=construction worker|prince|princess|
santa claus=Santa Claus|superhero|wizard=mage|fairy|vampire|mermaid=merperson|elf|genie|zombie|dancer=woman dancing|
skier|snowboarder|astronaut|chef|firefighter|farmer|
bird|deer|leopard|llama|rat|hamster|squirrel=chipmunk|beaver|otter|skunk|turkey|
hatching chick|feather|lizard|t-rex=T-Rex|seal|seashell=spiral shell|shrimp|squid|poodle|orangutan|
hibiscus|seedling|coral|mango|blueberries|potato|cucumber|garlic|peanut=peanuts|bagel|steak=cut of meat|bacon|
burrito|salad=green salad|spaghetti|candy|ice cube=ice|jar|
island=desert island|hospital|factory|skyscraper=office building|temple=classical building|circus tent|hut|
canoe|jeep=sport utility vehicle|pickup truck|tram=tram car|
watch|comet|wave=water wave|party popper|ribbon|volleyball|sled|magic wand|joystick|ball of yarn=yarn|scarf|
straw hat=woman’s hat|cap=billed cap|lipstick|megaphone|music note=musical note|radio|accordion|banjo|
floppy disk|movie camera|magnifying glass=magnifying glass tilted left|lantern=red paper lantern|scroll|coin|crayon|briefcase|
trash can=wastebasket|dagger|boomerang|saw=carpentry saw|screwdriver|gear|toolbox|mirror|window|couch=couch and lamp|broom|basket|
bucket|soap|sponge|statue=moai|disco ball=mirror ball|life buoy=ring buoy
""".strip())}


SEQUENCES = {n: '\U0001F9D1\u200D' + c for n, c in dict(astronaut='\U0001F680', chef='\U0001F373', firefighter='\U0001F692',
                                                           farmer='\U0001F33E').items()}


def annotations():
    """CLDR's short name -> (character, keywords)."""
    names, keywords = {}, {}
    for a in ET.parse(CLDR).iter('annotation'):
        if a.get('type') == 'tts':
            names.setdefault(a.text, a.get('cp'))
        else:
            keywords[a.get('cp')] = a.text.split(' | ')
    return {n: (c, keywords.get(c, [])) for n, c in names.items()}


# For people these words name tones of skin; every other tint is a tint.
PEOPLE = re.split(r'\|\s*', """
baby|boy|girl|man|woman|old man|old woman|police officer|detective|ninja|builder|prince|princess|santa claus|superhero|wizard|fairy|vampire|
mermaid|elf|dancer|astronaut|chef|firefighter|farmer
""".strip())
TONES = {'black': '\U0001F3FF', 'brown': '\U0001F3FE', 'white': '\U0001F3FB', 'yellow': ''}

# Who may be said to do something.
LIVING = {*PEOPLE, *list(NOUNS)[:list(NOUNS).index('crab') + 1], *re.split(r'\|\s*', """
ghost|robot|alien|snowman|teddy bear|clown|devil|angel|cowboy|genie|zombie|skier|snowboarder|
bird|deer|leopard|llama|rat|hamster|squirrel|beaver|otter|skunk|turkey|hatching chick|lizard|t-rex|seal|shrimp|squid|poodle|orangutan
""".strip())} - {'spider web'}

# What people ask for most, drawn twice as often.
POPULAR = re.split(r'\|\s*', """
dog|cat|rabbit|fox|bear|panda|tiger|lion|cow|pig|frog|monkey|horse|unicorn|sheep|elephant|giraffe|chicken|penguin|duck|owl|turtle|snake|
dragon|dinosaur|whale|dolphin|fish|shark|octopus|butterfly|bee|bird|spider|crab|squirrel|deer|wolf|sunflower|rose|daisy|tree|cactus|mushroom|
apple|tangerine|lemon|banana|watermelon|strawberry|cherry|pineapple|avocado|carrot|tomato|hamburger|pizza|ice cream|doughnut|cookie|birthday cake|
cup of coffee|teapot|car|bus|truck|tractor|motorcycle|bicycle|train|sailboat|cruise ship|airplane|helicopter|rocket|flying saucer|house|castle|
mountain|volcano|sun|moon|cloud|rainbow|snowman|fire|planet|soccer ball|guitar|book|key|light bulb|phone|laptop|camera|alarm clock|top hat|
crown|umbrella|gift|balloon|jack-o-lantern|christmas tree|skull|ghost|robot|alien|man|woman|boy|girl|baby|astronaut|wizard|princess|santa claus|
smiling face|teddy bear|chair|couch|shoe|dress
""".strip())

# Words for many things: each stands for any of them, seldom.
KINDS = {k: v.split(',') for k, v in (line.split('=') for line in """
animal=dog,cat,rabbit,fox,bear,panda,tiger,lion,cow,pig,frog,monkey,horse,elephant,giraffe,deer
pet=dog,cat,rabbit,hamster,turtle,parrot,fish
sea animal=whale,dolphin,fish,shark,octopus,crab,seal,turtle
insect=bee,butterfly,ant,ladybug,caterpillar,spider
fruit=apple,pear,tangerine,lemon,banana,watermelon,strawberry,cherry,peach,pineapple,mango
vegetable=carrot,tomato,eggplant,broccoli,cucumber,potato,onion,bell pepper
food=hamburger,pizza,hot dog,sandwich,taco,spaghetti,salad,burrito
dessert=ice cream,doughnut,cookie,birthday cake,piece of cake,cupcake,pie
drink=cup of coffee,glass of milk,bubble tea,cocktail,mug of beer
plant=tree,cactus,potted plant,seedling,pine tree,palm tree
flower=sunflower,rose,tulip,daisy,hibiscus,cherry blossom
vehicle=car,bus,truck,taxi,tractor,jeep,pickup truck
building=house,castle,church,skyscraper,hospital,factory,temple
person=man,woman,boy,girl
monster=dragon,zombie,vampire,ghost,alien
toy=teddy bear,kite,yo-yo,balloon,puzzle piece
tool=hammer,axe,wrench,saw,screwdriver
instrument=guitar,violin,trumpet,saxophone,drum,piano,banjo,accordion
ball=soccer ball,basketball,baseball,volleyball
face=smiling face,grinning face,winking face,clown
""".strip().split('\n'))}
KINDS_OF = {n: [k for k, v in KINDS.items() if n in v] for v in KINDS.values() for n in v}

# Other words for the same thing.
SYNONYMS = {n: words.split(',') for n, words in (pair.split('=') for pair in re.split(r'\|\s*', """
dog=puppy,doggy,hound,corgi,husky|cat=kitten,kitty,tabby|mouse=mouse face|rabbit=bunny,hare|bear=grizzly|lion=lioness|
cow=bull|pig=piglet|monkey=ape,chimp|horse=pony,mare,donkey|sheep=lamb,ewe|
chicken=hen|duck=duckling,mallard|fish=goldfish|bird=sparrow,robin|chick=baby chicken|dove=pigeon|crocodile=alligator|turtle=tortoise|snake=serpent|dinosaur=brontosaurus,dino|
hippopotamus=hippo|rhinoceros=rhino|bee=honeybee,bumblebee|ladybug=ladybird|caterpillar=worm|octopus=kraken|
pine tree=evergreen tree,fir,fir tree|tree=oak|mushroom=toadstool|
daisy=flower|potted plant=houseplant,plant|tangerine=orange,mandarin|eggplant=aubergine|bell pepper=capsicum|
ear of corn=corn,maize|chili pepper=chili|loaf of bread=loaf,bread|stack of pancakes=pancakes,pancake|chicken leg=drumstick|slice of cheese=cheese|
hamburger=burger,cheeseburger|box of fries=french fries,fries|hot dog=hotdog|doughnut=donut|box of popcorn=popcorn|bowl of noodles=noodles,ramen,soup|
ice cream=ice cream cone,soft serve|cookie=biscuit|cocktail=martini|watermelon=melon|birthday cake=cake|chocolate bar=chocolate|glass of milk=milk|cup of coffee=coffee,cup of tea,mug,espresso|
teapot=tea pot,kettle|wine glass=glass of wine,wine|mug of beer=beer|bottle of champagne=champagne,bottle|bunch of grapes=grapes|bubble tea=boba|
car=automobile|taxi=cab|bus=school bus,coach|fire engine=fire truck|truck=lorry,delivery truck|racing car=race car,formula one car|motorcycle=motorbike|
scooter=moped|bicycle=bike|train=locomotive,steam train|cruise ship=ship,boat|sailboat=sailing boat,yacht|speedboat=motorboat|
airplane=plane,aeroplane,jet|rocket=spaceship,rocket ship|flying saucer=ufo,alien spaceship|wheel=tire|
house=home,cottage,villa|castle=palace,fortress|church=chapel|mountain=snowy mountain,hill|sun=smiling sun|fire=flame,campfire,bonfire|book=novel|pencil=pen|water drop=drop,drop of water|
lightning bolt=lightning,thunderbolt|planet=saturn|globe=earth,world|soccer ball=football ball|tennis racket=racquet,tennis|trophy=prize,cup|
target=bullseye|game die=dice,die|puzzle piece=jigsaw,puzzle|game controller=controller,gamepad|paint palette=palette|guitar=electric guitar|
violin=fiddle|piano=piano keys|microphone=mic|pair of headphones=headphones|stack of books=books|envelope=letter,mail|package=parcel,cardboard box,box|
mailbox=letterbox|pair of scissors=scissors|lock=padlock|axe=hatchet|wrench=spanner|light bulb=bulb,lamp|flashlight=torch|alarm clock=clock|
phone=smartphone,mobile phone,cell phone,iphone|chair=stool|laptop=notebook computer|computer=monitor,pc|television=tv|pill=capsule|gem=diamond gem,jewel,crystal|
diamond ring=engagement ring|top hat=hat|graduation cap=academic cap,mortarboard|pair of glasses=glasses|pair of sunglasses=sunglasses|
necktie=tie,shirt and tie|t-shirt=shirt,tee shirt|pair of jeans=jeans,pants,trousers|pair of socks=socks|pair of gloves=gloves|shoe=sneaker,running shoe|
boot=leather boot|high heel=high heels|handbag=purse|backpack=rucksack,school bag|suitcase=luggage|umbrella=parasol|money bag=bag of money,money|
gift=present,gift box|jack-o-lantern=halloween pumpkin,pumpkin|christmas tree=xmas tree|skull=human skull|barrel=oil barrel|robot=android,bot|
ghost=spirit|alien=extraterrestrial|space invader=pixel alien|pile of poo=poop,poo|smiling face=smiley,smile|grinning face=laughing face|
crying face=sad face|angry face=mad face|devil=demon|heart-eyes face=face in love|cowboy=sheriff|
girl=young girl|boy=young boy|man=guy,gentleman|woman=lady|old man=grandfather,grandpa|old woman=grandmother,grandma|police officer=policeman,cop|
detective=spy|builder=construction worker|prince=king|princess=queen|santa claus=santa,father christmas|superhero=superman,hero|wizard=sorcerer,magician,witch|
vampire=dracula|astronaut=spaceman,cosmonaut|chef=cook|firefighter=fireman|dancer=dancing woman|squirrel=chipmunk|t-rex=tyrannosaurus,tyrannosaurus rex|
seashell=shell|seedling=sprout|steak=meat|candy=sweet|island=desert island,tropical island|skyscraper=office building,building,tower|
temple=greek temple|hut=cabin|jeep=suv|pickup truck=pickup|watch=wristwatch|wave=ocean wave|ball of yarn=yarn,wool|straw hat=sun hat,summer hat|
cap=baseball cap|music note=note,musical note|coin=gold coin|magnifying glass=magnifier|lantern=paper lantern|couch=sofa,armchair|trash can=bin|
life buoy=lifebuoy,life ring|statue=stone head,easter island head|star=five-pointed star|crescent=crescent moon,half moon|cross=plus sign|ring=hoop|
diamond=rhombus
""".strip()))}


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
    v = np.array(im.crop(im.getbbox())).astype(np.float32)                # drawn on transparent black: its edges are darkened
    v[..., :3] = (v[..., :3] * 255 / np.maximum(v[..., 3:], 1)).clip(0, 255)
    im = Image.fromarray((v + .5).astype(np.uint8))
    f = SIZE / max(im.size)
    im = im.resize((max(1, round(im.width * f)), max(1, round(im.height * f))), Image.LANCZOS)
    out = Image.new('RGBA', (SIZE, SIZE))
    out.paste(im, ((SIZE - im.width) // 2, (SIZE - im.height) // 2))
    return np.array(out)


@functools.cache
def atlas():
    """Name -> uint8 RGBA [SIZE, SIZE, 4]; shapes are white."""
    font, chars = ImageFont.truetype(FONT, 109), annotations()
    symbols = {noun: SEQUENCES.get(noun) or chars[name][0] for noun, name in NOUNS.items()}
    sprites = {noun: glyph(font, c) for noun, c in symbols.items()}
    for noun in PEOPLE:
        for look, tone in TONES.items():
            sprites[f'{noun} {look}'] = glyph(font, symbols[noun][0] + tone + symbols[noun][1:]) if tone else sprites[noun]
    for s in SHAPES:
        mask = drawn(s)
        sprites[s] = np.stack([np.full_like(mask, 255)] * 3 + [mask], -1)
    return sprites


@functools.cache
def packed():
    """What pack.py wrote, if it did."""
    if not os.path.exists(PACK):
        return None
    with np.load(PACK) as f:
        names, shapes, data = f['names'], f['shapes'], f['data']
    ends = np.cumsum(shapes.prod(1))
    return {str(n): data[e - s.prod():e].reshape(s) for n, s, e in zip(names, shapes, ends)}
