"""English words for keys such as `amber-anchor`, and for lists to be counted.

The lists are our own: RULER takes its words from a package whose lists change from version to version, and
with them every sample.
"""

from __future__ import annotations

_ADJECTIVES = """
able abrupt absent active agile alert alpine amber ample ancient angular apt aquatic arid artful ashen
astute azure balmy barren bashful bitter blank bleak blunt bold brave breezy brisk brittle broad bubbly
bulky calm candid careful cheap chief chilly civic civil classic clever cloudy clumsy coarse compact
cosmic costly cosy crafty crimson crisp crucial cubic curious curly daily damp daring decent deep definite
dense devout dim distant dizzy docile dreary dry dull eager earnest earthy eastern edible elastic elder
elegant empty entire equal exact exotic faint famous fancy fast feisty fertile festive fierce final firm
flat fluid fluent focal fond formal frail frank frantic fresh frosty frugal fuzzy gaudy gentle giant giddy
glad glossy golden graceful grand grave greasy gritty gruff handy happy hardy harsh hasty hazy heavy
helpful hidden hollow honest humble humid icy ideal idle immense inner intact jagged joint jolly jovial
keen kind lanky large lavish lazy lean legal level light likely linear liquid little lively local lofty
lonely loud loyal lucid lucky lunar lush magic major manual marine massive mellow merry mighty mild minor
misty mobile modern modest moist muddy murky musical mute mutual narrow nasal native neat neutral nimble
noble noisy normal northern novel oblong odd opaque open optimal oral ornate outer oval paltry patient
peaceful perky placid plain pleasant plucky polar polite portly precise prime private prompt proper proud
pure quaint quick quiet radiant ragged rapid rare ready recent regal remote rigid ripe robust rocky rough
royal rural rustic salty scarce secret sedate serene shaggy shallow sharp shiny shrewd silent silky simple
sincere sleek sleepy slim slow smart smooth sober social soft solar solid somber sonic sour southern
sparse spicy spiral spry stable stark steady steep stern sticky stiff stout strict sturdy subtle sudden
sunny superb supple sweet swift tacit tall tame tangy tart tasty tender tense tepid thick thin thorny tidy
timid tiny torrid total tough tranquil trim tropical true trusty turbid uneven unique upper urban urgent
usual vacant vague valid vast velvet vibrant vital vivid vocal warm wary western whole wicked wild windy
wise witty wooden woolly worthy young zany zealous zesty
"""
_NOUNS = """
abbey acorn acre actor agenda album alcove alley almond alphabet anchor angle ankle antler anvil apron
arcade arch arena armour arrow atlas attic aunt author autumn avenue award axis badge bagel bakery ballad
balloon bamboo banjo banner barge bark barley barrel basin basket battery beacon beaver beetle belfry bell
bench berry bicycle bishop biscuit blanket blossom boat bolt border bottle boulder bracelet branch bread
breeze brick bridge broom brush bucket buckle buffalo bugle bulb burrow bush butter button cabin cable
cactus camel canal candle cannon canoe canvas canyon captain caravan carpet carrot cart castle cavern
cedar cellar chair chalk channel chapter chariot cheese cherry chimney chisel cider circle circus cliff
clock cloud clover coach coast cobweb coffee coin collar comet compass concert copper coral cork corner
cottage cotton cougar council cradle crane crater crayon cricket crown crystal cuckoo cupboard curtain
cushion cylinder dagger dairy daisy dancer dawn deck depot desert desk dial diamond diary dinner dock
doctor dolphin domino donkey door dozen dragon drawer drum duchess dune eagle easel echo editor elbow elm
ember emblem engine envelope epic essay fabric falcon fang farmer feather fence fern ferry festival fiddle
field finger flag flame flannel flask fleet flute foam forest forge fork fossil fountain fox freight
fringe frog furnace galaxy gallery garlic gate gazelle ginger giraffe glacier glass globe glove goat goose
gorge grain granite grape gravel guitar gutter hammer hammock harbour harp harvest hatch hazel hedge
helmet herald herb heron hinge hockey honey hook horizon horn hotel hunter hut iceberg igloo index inn
insect iris island ivory ivy jacket jaguar jar jasmine jelly jewel journal judge jug jungle kayak kennel
kettle keyboard kidney kingdom kite kitten knot label lace ladder lagoon lake lamp lantern larch lark
lasso latch laundry lava lawn leaf ledge lemon lentil leopard letter lever library lighthouse lilac lily
linen lizard lobster locket lodge loom lotus magnet magpie mallet mango manor mantle maple marble margin
market marmot mask mast meadow medal melody melon mentor menu mermaid meteor mill mineral mirror mitten
moat monarch monkey moon mosaic moss motor mountain mulberry museum mushroom mustard napkin needle nephew
nest nickel notebook nutmeg oak oasis oat ocean octave olive onion opera orbit orchard orchid organ
ostrich otter outpost oven owl oyster paddle page palace palm panda panel panther paper parade parcel
parrot parsley pasture path pawn peach peacock peanut pear pebble pelican pencil pepper petal piano pickle
picnic pier pigeon pilgrim pillow pilot pine pirate pistol plank planet plaza plum pocket poem poet polka
pond pony poplar poppy porch portrait potato powder prairie prince prism puddle puffin pulley pumpkin
pupil puppet puzzle pyramid quail quarry queen quilt quiver rabbit radar radish raft rail rainbow raisin
ranch raven ravine razor reef reptile ribbon rice ridge ring river road robin rocket roof rooster rope
rose rudder ruler sailor salad salmon sandal satchel saucer scale scarf school scooter scroll seal seed
shadow shark sheriff shield shoe shovel shrimp signal singer siren skate sketch sleeve slipper snail snow
socket soup spade sparrow spider spinach spire spoon spruce squash stable stadium stamp station statue
stew stone stool storm story stove straw stream street sugar summit sunset surgeon swamp swan sweater
sword symbol syrup table tablet tailor tavern teacher teapot temple tent terrace thimble thistle throne
thumb ticket tiger timber toast tomato torch tower tractor train trellis trophy trout truck trumpet tulip
tundra tunnel turkey turtle umbrella uncle uniform valley vase vault velvet verse vessel village vine
vineyard violin volcano voyage wagon waiter walnut walrus warden wasp watch water weasel weaver whale
wheat wheel whistle willow window winter wizard wolf wool wren writer yacht yard yarn yogurt zebra zenith
zipper
"""

ADJECTIVES = tuple(_ADJECTIVES.split())
NOUNS = tuple(_NOUNS.split())
