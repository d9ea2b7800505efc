package normal

import (
	"slices"
	"strings"
)

// Roots are the groups of given names that a name belongs to, at most four: bert
// is of albert, herbert and robert. The numbers are stable within a release.
func Roots(given string) []uint16 { return roots[given] }

// SameGiven reports whether two given names are forms of one: bill and william.
func SameGiven(a, b string) bool {
	for _, x := range roots[a] {
		for _, y := range roots[b] {
			if x == y {
				return true
			}
		}
	}
	return false
}

var roots = func() map[string][]uint16 {
	out := map[string][]uint16{}
	lines := strings.Split(strings.TrimSpace(nicknames), "\n")
	add := func(w string, group int) {
		if len(out[w]) < 4 && !slices.Contains(out[w], uint16(group+1)) {
			out[w] = append(out[w], uint16(group+1))
		}
	}
	for i, l := range lines { // the group that a name heads is its first
		head, _, _ := strings.Cut(l, " ")
		add(head, i)
	}
	for i, l := range lines {
		for w := range strings.FieldsSeq(l) {
			add(w, i)
		}
	}
	return out
}()

// nicknames are the common short, pet and foreign forms of given names, a group
// a line.
const nicknames = `
abigail abby abbie gail
abraham abe abram bram
adelaide adele addie heidi della ada
adolphus adolf adolph dolph
agnes aggie nessie inez
albert al bert bertie alberto albrecht elbert
alexander alex alec alexandre alessandro alejandro aleksandr aleksander alasdair alistair alastair sandy sandro sacha sasha xander lex iskander
alexandra alex sandra alexandria sasha lexi
alfred alf alfie fred freddie alfredo
alice alicia elsie allie ally
amelia amy millie emily
andrew andy drew andreas andre andrea andrei andrey anders andres
angela angie angelina angelica
ann anne anna annie nan nancy hannah hanna anita annette nanny nina ana
anthony tony antony antonio antoine anton antonius
archibald archie baldie
arnold arnie
arthur art artie arturo artur
augustus gus august augustine augustin austin
barbara barb barbie babs bab babette
barnabas barney barnaby
bartholomew bart bartolomeo bat
beatrice bea trixie beatrix
benedict ben benny bennet benedetto
benjamin ben benny benji benjie
bernard bernie bernhard barney bernardo
bridget bridie biddy brigitte brigid bridie
caroline carrie carol carolyn karoline lina carolina lynn
catherine cathy kate katie kathy kathleen katherine kathryn kitty kay cath catharine caterina catalina katarina ekaterina katharine karen kat trina
cecil cecilius
cecilia cecily celia cissy sissy sheila cecile
charles charlie charley chas chuck carl karl carlo carlos charly carolus
charlotte lottie lotty carlotta charlie totty
christian chris cristian kristian
christina chris chrissie tina christine christiana kristina kirsten kristin kirsty
christopher chris kit topher kris christoph christophe cristobal christoforo kester
clara claire clare clarissa
clement clem clemens
constance connie constantia
cornelius neil con corneille cornelis
cynthia cindy
daniel dan danny dani daniele
david dave davy davey davie dewi dafydd dai
deborah deb debbie debby debra
dennis denis den denny dionysius
dominic dom nick dominick domingo domenico dominique
donald don donnie donny
dorothy dot dotty dolly dora dorothea dottie thea
edgar ed eddie
edmund ed eddie ned ted edmond edmondo eamon
edward ed eddie ned ted teddy edouard eduardo eduard edvard neddy
edwin ed eddie ned
eleanor nell nellie nelly ellen elinor leonora ella nora eleanora elenor lenore
elizabeth liz lizzie lizzy beth betsy betty bess bessie eliza elsie lisa libby elisabeth elspeth isabel isabella elise lisbeth liza ilse babette lizbeth elisa
ellen nell nellie helen helena elena elaine
emily em emmy millie milly emilia emilie
emma em emmy
ernest ernie ernst ernesto
esther hester essie hettie
eugene gene eugen eugenio evgeny
evelyn eve evie eva lynn
ferdinand ferdie fernando nando
florence flo florrie flossie flora
frances fanny fran frannie francesca francoise cissie frankie
francis frank frankie fran francois francisco francesco franz frans ferenc paco pancho
frederick fred freddie freddy fritz frederic friedrich federico fredrick fredric rick frederik
gabriel gabe gabriele
geoffrey geoff jeff jeffrey godfrey jeffery gottfried
george georgie georg georges jorge giorgio jurgen yuri jerzy geordie joris igor
georgina georgia georgie gina georgiana
gerald gerry jerry gerard gerhard gerardo
gertrude gertie trudy trude gert
gilbert gil bert gib gilberto
gregory greg gregor grigory gregorio
gwendolyn gwen wendy gwendolen
harold harry hal harald
harriet hattie hatty harriett henrietta hettie
helen nell nellie nelly helena elena lena helene
henrietta etta hettie hetty harriet
henry harry hank hal heinrich henri enrique enrico hendrik henrik heinz harold
herbert herb bert bertie heribert
herman hermann harman armand
hugh hughie hugo huw ugo hubert
humphrey humph humfrey
ian iain
ignatius iggy ignacio ignaz
isaac ike zac izaak
isabella bella belle isabel isabelle izzy ella isobel tibby
ivan john vanya
jacob jake jacobus jakob
james jim jimmy jamie jem jacques jaime jacob diego giacomo jas hamish seamus santiago iago
jane jenny janet jean jeanne joan janie jeannie johanna joanna giovanna juana
jasper caspar casper gaspard
jeremiah jerry jeremy jem
jessica jess jessie
joan joanie johanna jane
joanna jo joan joanne johanna
john jack johnny jon jonathan johann johannes jean juan ivan giovanni jan sean ian hans evan shaun shane johan jock iain jackie ioan joao owen
jonathan jon jonny nathan johnathan
joseph joe joey jo jose giuseppe josef jos pepe iosif beppe
josephine jo josie josefina fifi
joshua josh
judith judy judi
julia julie juliet giulia jill gillian juliana
julius julian jules giulio julio
katherine kit kitty kate kay katy
kenneth ken kenny
laurence larry lawrence lorenzo laurie lars laurent lorenz laurens loren lorne
leonard len lenny leo leonardo leonhard
leopold leo poldi
lewis louis lou lew louie luis luigi ludwig ludovic lodewijk
lillian lily lil lilly lilian
louisa lou louise lulu luisa louie luise
lucas luke luca lukas
lucy lucia lucille lucie lucinda
magdalena magda lena madeleine madeline maddie
margaret maggie meg peggy madge marge margie greta rita daisy peg margery marjorie gretchen margarita marguerite margot margret mamie maisie mag molly
maria mary marie mariah marija
mark marcus marc marco marcos markus
martha marty patty mattie matty marta
martin marty marten martino martyn
mary molly polly may mamie maria marie miriam mae marion moll minnie marian maureen mitzi maura
matilda tilly mattie maud maude tillie mathilda mathilde patty
matthew matt matty matthias mathew matteo mateo mathieu matthieu mattheus mat
maurice morris moritz mauricio maurits
maximilian max maxwell
michael mike mick mickey micky mikey michel miguel michele mikhail michal mitch misha micheal
mildred millie milly
minnie wilhelmina mina minna
nathaniel nat nathan nate nathanael
nicholas nick nicky nicolas nicola klaus claus nikolai nicolo niels nikolaus colin nicol niklas
oliver ollie noll olivier
pamela pam
patricia pat patty tricia trish patsy
patrick pat paddy patricio padraig rick
paul paulus pablo paolo pavel pauly
penelope penny nelly
peter pete pierre pedro pietro petrus pyotr piet pieter petr piers
philip phil phillip pip felipe filippo philippe filip
priscilla cilla prissy
rachel rae rachael raquel shelley
randolph randy dolph randall
raymond ray raimund ramon raymund
rebecca becky becca reba rebekah
reginald reg reggie rex reynold reinhold
richard dick rick ricky rich richie dickie dicky ritchie riccardo ricardo dickon hick
robert bob bobby rob robbie bert robin rupert roberto bobbie dob rab robby
roderick rod rory roddy rodrigo roderic
rodney rod
roger rodger hodge rogerio ruggero
roland rowland orlando rollo
ronald ron ronnie ronny ranald
rosemary rose rosie romy
rose rosa rosie rosalind rosalie rosina
rudolph rudy rolf rudolf rodolfo
samuel sam sammy samson samuele
samantha sam sammy
sarah sally sara sadie sal zara
sebastian seb bastian sebastien
sidney sid sydney
simon si simeon simone
solomon sol solly salomon
sophia sophie sofia sonia
stanley stan
stephen steve stevie steven stefan etienne esteban stephan stefano istvan steffen
stephanie steph stefanie
susan sue susie suzy susannah susanna suzanne sukie hannah suzanna
sylvester sly silvester
theodore ted teddy theo theodor tad fyodor teodoro
theresa terry tess tessa tracy teresa therese tessie
thomas tom tommy thom tomas tommaso tam thos
timothy tim timmy timotheus
valentine val valentin valentino
victor vic vick viktor vittorio
victoria vicky vicki vickie tori
vincent vin vince vinny vincenzo vicente vinnie
virginia ginny ginger
walter wally walt wat wat gautier gualtiero
wilfred wilf fred will wilfrid
wilhelmina minnie mina willa billie
william bill billy will willie willy liam wilhelm guillaume guillermo guglielmo willem wim gwilym wm willis bil
winifred winnie freda win
winston win winnie
zachary zach zack zachariah
`
