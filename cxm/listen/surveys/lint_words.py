# ruff: noqa: E501 -- one pattern a line reads better than one broken over several
"""What makes a wording doubtful, in five languages: patterns for `linting`. All are matched without regard to case.

Precision matters more than recall: a linter that cries wolf is switched off. Sources of the rules: Schuman and Presser,
Questions and Answers in Attitude Surveys (1981); Dillman, Smyth and Christian, Internet, Phone, Mail, and Mixed-Mode
Surveys (2014), chapter 5.
"""

from __future__ import annotations

import re


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{one})" for one in patterns), re.IGNORECASE)


# Praise of what is being asked about, questions that presume their answer, appeals to what everybody thinks.
LEADING = {
    "en": _any(
        r"\b(?:do|would|did)n['’]t you\b", r"\b(?:is|are|was|were)n['’]t (?:it|our|the|we)\b", r"\b(?:do|would) you (?:not )?agree that\b",
        r"\b(?:our|this|the) (?:new )?(?:amazing|excellent|great|outstanding|award-winning|superb|fantastic|wonderful|best|world-class|friendly|brilliant|improved|professional|top-rated|highly rated|expert|famous|popular|delicious|reliable|unique|innovative|world-famous|trusted|beloved|high-quality|speedy|courteous|helpful)\b",
        r"\b(?:our|the|this|their) (?:terrible|awful|horrible|ridiculous|outrageous|unfair|disgraceful)\b", r",\s*(?:right|correct|yes|no|(?:is|are|was|were|do|does|did|has|have|would|could)n['’]t (?:it|they|you|we|he|she))\s*\?",
        r"\b(?:responsible|reasonable|sensible|caring|smart|decent) (?:people|parents|customers|drivers|citizens|shoppers)\b", r"\bwhy do you (?:love|like|prefer|enjoy) (?:our|us)\b", r"\b(?:do|would) you also (?:think|feel|agree|love|like)\b", r"\byou (?:must|surely|probably) (?:agree|like|love|enjoy|know)",
        r"\b(?:obviously|surely|clearly|of course|as you know|needless to say)\b",
        r"\b(?:most (?:people|customers|of our customers)|everyone|everybody|experts)\b.{0,30}\b(?:agree|think|know|love|prefer|say)",
        r"\bhow (?:much|greatly) did you (?:love|enjoy|like)\b", r"\bhow (?:amazing|great|excellent|wonderful|terrible|awful|bad) (?:is|was|are|were)\b",
    ),
    "pl": _any(
        r"\bczy nie (?:uważa|sądzi|zgadza|myśli|wydaje)", r"\bczy zgadza\w* się.{0,12}\bże\b",
        r"\bnasz\w* (?:now\w+ )?(?:wspania|świetn|doskona|fantastyczn|najlepsz|znakomit|niesamowit|rewelacyjn|przyjazn|profesjonaln|wyjątkow|niezawodn|ulubion|nagradzan|pyszn|życzliw|sympatyczn|uprzejm|unikaln|cenion|popularn)",
        r"\b(?:chyba|czyż)\b", r"^na pewno\b", r"\bnie (?:sądzi|uważa|wydaje)\w*.{0,12}\bże\b", r"\bzgodzi\w* się.{0,12}\bże\b", r"\bczy (?:też|również) (?:uważa|sądz|lubi|zgadza)", r"\bdlaczego (?:tak )?(?:lubi|kocha|ceni|woli)", r"\bodpowiedzialn\w+ (?:rodzic|kierowc|lud|osob)", r",\s*(?:tak|zgadza się|czyż nie|nie)\s*\?", r"\b(?:nasz|t|ich)\w* (?:okropn|fataln|skandaliczn|beznadziejn)",
        r"\b(?:oczywiście|jak wiadomo|z pewnością|niewątpliwie)\b", r"\bjak bardzo (?:się )?(?:podoba|spodoba|pokocha)", r"\bjak bardzo.{0,15}(?:spodobał|podobał)",
        r"\b(?:większość (?:ludzi|klientów|osób)|wszyscy)\b.{0,30}\b(?:uważa|sądz|wie|lubi|zgadza|woli)", r"\b(?:nieprawdaż|prawda)\?",
    ),
    "ru": _any(
        r"\bне (?:считаете|думаете|кажется|находите|согласны)\b.{0,6}\bли\b", r"\bсогласны ли вы.{0,6}\bчто\b", r"\bвы согласны.{0,4}\bчто\b", r"\bразве\b",
        r"\bнаш\w* (?:нов\w+ )?(?:замечательн|отличн|прекрасн|лучш|великолепн|превосходн|потрясающ|дружелюбн|профессиональн|надёжн|надежн|знаменит|популярн|вкусн|уникальн|любим|вежлив|качественн|приветлив|опытн)",
        r"\b(?:ведь|наверняка)\b", r"\bправда ли\b", r"\bне (?:проще|лучше|удобнее|легче|пора|стоит) ли\b", r",\s*(?:не так ли|правда|верно|да|так ведь)\s*\?", r"\bвы (?:тоже|также) (?:считаете|думаете|любите|согласны)", r"\bпочему (?:вы|вам) (?:так )?(?:любите|нрав|предпочита|цените)", r"\bответственн\w+ (?:родител|водител|люд|граждан)", r"\b(?:наш|эт|их)\w* (?:ужасн|безобразн|отвратительн|возмутительн)",
        r"\b(?:очевидно|конечно|безусловно|как известно|несомненно)\b", r"\bнасколько (?:сильно )?вам понравил",
        r"\b(?:большинство (?:людей|клиентов|покупателей)|все)\b.{0,30}\b(?:считают|знают|думают|любят|согласны|предпочитают)", r"\bне правда ли\b",
    ),
    "uk": _any(
        r"\bчи не (?:вважаєте|здається|думаєте|погоджуєтес|згодні)", r"\bчи (?:погоджуєтес\w|згодні) ви.{0,4}\bщо\b", r"\bви (?:погоджуєтес\w|згодні).{0,4}\bщо\b", r"\bхіба\b",
        r"\bнаш\w* (?:нов\w+ )?(?:чудов|відмінн|прекрасн|найкращ|неймовірн|дивовижн|блискуч|привітн|професійн|надійн|знаменит|популярн|смачн|унікальн|улюблен|ввічлив|якісн|досвідчен)",
        r"\b(?:вам|ви) же?\b", r"\b(?:адже|напевно)\b", r"\bчи правда\b", r"\bчи не (?:простіше|краще|зручніше|легше|час|варто)\b", r",\s*(?:правда|так|вірно|еге ж)\s*\?", r"\bви (?:теж|також) (?:вважаєте|думаєте|любите|згодні)", r"\bчому (?:ви|вам) (?:так )?(?:люби|подоба|надаєте|цінуєте)", r"\bвідповідальн\w+ (?:батьк|водії|люд|громадян)", r"\b(?:наш|ц|їхн)\w* (?:жахлив|огидн|обурлив)",
        r"\b(?:очевидно|звичайно|безумовно|як відомо|безперечно)\b", r"\bнаскільки (?:сильно )?вам сподоба",
        r"\b(?:більшість (?:людей|клієнтів|покупців)|усі|всі)\b.{0,30}\b(?:вважають|знають|думають|люблять|згодні|надають)", r"\bчи не так\b", r"\bправда ж\b",
    ),
    "zh-hant": _any(
        r"難道", r"不(?:覺得|認為|同意)", r"同意我們", r"我們(?:全新)?(?:優秀|出色|卓越|優質|最好|最佳|貼心|一流|屢獲殊榮|親切)的?",
        r"顯然|當然|眾所周知|毫無疑問", r"(?:大家|大多數人|多數顧客|所有人)都?.{0,10}(?:認為|喜歡|知道|同意|覺得)", r"有多(?:麼)?(?:喜歡|喜愛|棒|糟)", r"對吧|不是嗎", r"吧\s*[?？]", r"(?<!是)不是.{0,12}嗎", r"也(?:認為|覺得|同意|喜歡|贊成)", r"一定(?:喜歡|滿意|同意|會)", r"為(?:什麼|何)(?:您|你)?(?:這麼|如此)?(?:喜歡|喜愛)", r"負責任的(?:父母|家長|駕駛|人)",
        r"我們(?:專業|可靠|知名|美味|方便|便利|獨特|熱情|友善|優良|頂級|高品質|受歡迎|經驗豐富)的", r"(?:這|那|他們)(?:個|種|項)?(?:糟糕|可怕|離譜|荒謬)的",
    ),
}  # fmt: skip
# Two things asked at once. Asked of closed questions only: an open answer can speak of both.
DOUBLE = {
    "en": _any(r"\b(?:and|as well as|and/or|but also)\b"),
    "pl": _any(r"\b(?:i|oraz|a także)\b"),
    "ru": _any(r"\b(?:и|а также)\b"),
    "uk": _any(r"\b(?:і|й|та|а також)\b"),
    "zh-hant": _any(r"和|與|及|以及|並(?!非|不|未|沒|列|行)|(?:既|又).{1,6}又"),
}
# Pairs that are one thing, and joins that ask no second thing.
SINGLE = {
    "en": _any(
        r"\bbetween \S+ and \S+", r"\bfrom \S+ (?:to|and) \S+", r"\d\s+and\s+\d", r"\b(?:terms and conditions|pros and cons|date and time|name and (?:surname|e-?mail|address)|first and last name|products and services|questions and answers|research and development|health and safety|friends and family|food and drinks?|bed and breakfast|black and white|once and for all|more and more|checks? and balances?|scale of \d+ and \d+)\b",
        r"\band (?:why|then|so on|press|click|choose|select|tell|let|if|we|help)\b",
    ),
    "pl": _any(r"\bimi\w+ i nazwisk", r"\bregulamin\w* i ", r"\bdat\w+ i (?:godzin|czas)", r"\bproduk\w+ i usłu", r"\bmiędzy \S+ i \S+", r"\bi (?:dlaczego|tak dalej|jeśli|wybierz|kliknij|powiedz)\b", r"\brodzin\w+ i (?:przyjacio|znajom)", r"\bza i przeciw\b", r"\d\s+i\s+\d"),
    "ru": _any(r"\bимя и фамили", r"\bусловия и ", r"\bдат\w+ и врем", r"\bтовар\w+ и услуг", r"\bи (?:почему|так далее|т\. ?д|если|выберите|нажмите|расскажите)", r"\bдрузь\w+ и (?:родн|знаком|близк|коллег)", r"\bза и против\b", r"\d\s+и\s+\d", r"\bмежду \S+ и \S+"),
    "uk": _any(r"\bім['’ʼ]я (?:і|та|й) прізвищ", r"\bумов\w+ (?:і|та) ", r"\bдат\w+ (?:і|та|й) час", r"\bтовар\w+ (?:і|та|й) послуг", r"\b(?:і|й|та) (?:чому|так далі|т\. ?д|якщо|оберіть|натисніть|розкажіть)", r"\bдруз\w+ (?:і|та|й) (?:рідн|знайом|близьк|колег)", r"\bза (?:і|та|й) проти\b", r"\d\s+(?:і|та)\s+\d", r"\bміж \S+ (?:і|та|й) \S+"),
    "zh-hant": _any(r"與否", r"[和與]我們(?:聯絡|聯繫|往來|互動|的)", r"[和與]您(?:聯絡|聯繫|的)", r"日期[和與及]時間", r"產品[和與及]服務", r"商品[和與及]服務", r"條款[和與及]", r"親友|朋友[和與及]家人", r"以及原因", r"並(?:說明|選擇|告訴|點選|按|填寫)", r"優點[和與及]缺點", r"參與", r"及時|普及|提及|涉及", r"和(?:善|氣|諧|平)|溫和|柔和", r"\d\s*[和與及]\s*\d", r"[和與]\S{1,6}相比"),
}  # fmt: skip
# Denials that a hurried reader misses. Asked of closed questions only.
NEGATED = {
    "en": _any(
        r"\b(?:not|never|without|nobody|nothing)\b",
        r"n['’]t\b",
        r"\bno longer\b",
        r"\b(?:hardly|barely|scarcely|none|neither)\b",
        r"\bno (?:\w+ )?(?:trouble|problem|error|mistake|difficult|delay|issue|doubt|need|complaint|way|one|reason)",
        r"\b(?:unclear|unhelpful|unsuitable|unusable|incomprehensible|unfriendly|impolite|incomplete|incorrect|uncomfortable|unreliable)\b",
    ),
    "pl": _any(
        r"\bnie\b",
        r"\b(?:nigdy|nikt|nikogo|nic|żadn\w+|ledwo)\b",
        r"\bbez (?:\w+ )?(?:pomoc|problem|trudno|kłopot|zwłok|błęd|opóźnie|prze(?:szkód|rw))",
        r"\bnie(?:zrozumia|przydatn|jasn|wygodn|uprzejm|czyteln|kompletn|popraw)\w*",
    ),
    "ru": _any(
        r"\bне\b",
        r"\b(?:никогда|никто|никого|ничего|никак\w*|едва|вряд ли)\b",
        r"\bбез (?:\w+ )?(?:помощ|проблем|труд|ошиб|задерж|опоздан)",
        r"\bне(?:понятн|удобн|вежлив|пригодн|полезн|ясн|приветлив|полн|верн)\w*",
    ),
    "uk": _any(
        r"\bне\b",
        r"\b(?:ніколи|ніхто|нікого|нічого|жодн\w+|ледве|навряд)\b",
        r"\bбез (?:\w+ )?(?:допомог|проблем|трудн|помил|затрим|запізн)",
        r"\bне(?:зрозуміл|зручн|ввічлив|придатн|корисн|ясн|привітн|повн|вірн)\w*",
    ),
    "zh-hant": _any(r"不|沒有|沒|未(?:曾|經|能|收到|獲)|從未|無法|毫無|並非"),
}
PLAIN = {
    "en": _any(r"\bif (?:you|we|it) (?:could|can|were) (?:no longer|not)\b", r"\bor not\b", r"\bwhy not\b", r"\bif not\b", r"\bnot (?:at all|applicable|sure|only)\b", r"\bnot likely\b", r"(?:\bfrom|\bmeans|[=:(\d–-])\s*[\"“‘']?not (?:\w+ )?(?:satisfied|easy)\b", r"\bneither .{1,40} nor\b"),
    "pl": _any(r"\bgdyby\w* nie\b", r"\bczy nie\b", r"\b(?:lub|albo|czy też) nie\b", r"\bdlaczego nie\b", r"\bjeśli nie\b", r"\bwcale nie\b", r"\bnie (?:tylko|dotyczy|wiem)\b", r"\bnigdy.{0,4}zawsze"),
    "ru": _any(r"\bесли бы\b.{0,12}\bне\b", r"\bне могли бы\b", r"\bили не", r"\bпочему не\b", r"\bесли не\b", r"\bсовсем не\b", r"\bне (?:только|применимо|знаю)\b", r"\bне менее\b"),
    "uk": _any(r"\bякби\b.{0,12}\bне\b", r"\bчи не могли б\b", r"\b(?:або|чи) не[тм]?\b", r"\bчому не\b", r"\bякщо не\b", r"\bзовсім не\b", r"\bне (?:лише|тільки|стосується|знаю)\b", r"\bне менш"),
    "zh-hant": _any(r"(.)不\1", r"是不是|要不要|會不會|能不能|有沒有|好不好", r"不同|不過|不僅|不只|差不多|不久|不斷", r"如果\S{0,3}(?:不|沒有)", r"不適用|不確定|不知道", r"為什麼不|為何不", r"完全不"),
}  # fmt: skip
# Words that say whether a label is good or bad. A bad word is looked for first: "dissatisfied" holds "satisfied".
BAD = {
    "en": _any(r"\b(?:poor|bad|terrible|awful|worst|horrible|dissatisfied|unsatisfied|unhappy|disagree|unlikely|difficult|hard|never|worse|disappoint\w+|slow|unhelpful|weak)\b", r"\bnot (?:at all )?(?:\w+ )?(?:satisfied|likely|easy|good|happy|agree|helpful)", r"\bnot at all\b"),
    "pl": _any(r"\b(?:słab|zł[yaeo]|źle|fataln|okropn|najgorsz|niezadowol|trudn|nigdy|gorzej|kiepsk|niemożliw|rozczarowan)", r"\bnie (?:zgadza|polec|zadowol|łatw|prawdopodob)", r"\b(?:mało|niezbyt|wcale|raczej nie|zdecydowanie nie)", r"\bnieprawdopodob"),
    "ru": _any(r"\b(?:плох|ужасн|худш|недовол|неудовлетвор|трудн|сложн|никогда|слаб|хуже|маловероятн|неприятн|разочарован)", r"\bне (?:соглас|доволен|довольн|легко|очень|порекоменд|удовлетвор)", r"\b(?:совсем не|вовсе не|скорее не)"),
    "uk": _any(r"\b(?:поган|жахлив|найгірш|незадовол|важк|складн|ніколи|слабк|гірш|малоймовірн|кепськ|неприємн|розчарован)", r"\bне (?:згод|погоджу|задовол|легко|дуже|пораджу)", r"\b(?:зовсім не|аж ніяк|радше не|скоріше не)"),
    "zh-hant": _any(r"(?:非常|很|完全|有點)?不(?:滿意?|好|同意|可能|太(?:滿意|好|同意|可能|容易)?|會|容易|開心)|差|糟|壞|不會|困難|很難|從不|失望|完全不|非常不|很不"),
}  # fmt: skip
# A bad thing denied is good: "not disappointed".
NOT_BAD = {
    "en": _any(r"\b(?:not|never) (?:at all )?(?:disappoint\w+|dissatisfied|unhappy|difficult|hard|bad)\b"),
    "pl": _any(r"\bnie (?:\S+ )?(?:rozczarowan|trudn)\w*"),
    "ru": _any(r"\bне (?:\S+ )?(?:бы )?(?:разочарован|трудн|сложн)\w*"),
    "uk": _any(r"\bне (?:\S+ )?(?:б )?(?:розчарован|важк|складн)\w*"),
    "zh-hant": _any(r"不(?:會|太|感到)?(?:失望|困難|難|差|糟)"),
}
GOOD = {
    "en": _any(r"\b(?:good|great|excellent|best|outstanding|superb|amazing|satisfied|happy|agree|likely|easy|always|better|perfect|fantastic|wonderful|delighted|fast|helpful)\b"),
    "pl": _any(r"\b(?:dobr|świetn|doskona|najleps|wspania|zadowol|zgadza|łatw|zawsze|lepiej|idealn|znakomit|prawdopodob|chętnie)"),
    "ru": _any(r"\b(?:хорош|отличн|превосходн|лучш|прекрасн|доволен|довольн|удовлетвор|соглас|легк|всегда|идеальн|вероятн|замечательн)"),
    "uk": _any(r"\b(?:добр|відмінн|чудов|найкращ|прекрасн|задовол|згод|погоджу|легк|завжди|ідеальн|ймовірн|краще)"),
    "zh-hant": _any(r"好|優|佳|棒|滿意|同意|可能|會|容易|簡單|總是|完美|開心"),
}  # fmt: skip
