"""Small texts in several languages, written for these tests, and longer ones drawn from them."""

import random

TEXTS = {
    "English": """The rain had stopped before dawn, but the streets were still wet.
“You’re early,” said the baker, and wiped flour from her hands. “The bread won’t be ready till six.”
He didn't mind waiting; it was warm inside, and the smell alone was worth the walk.
An old dog slept under the table – it was said to be fourteen (nobody knew for sure).
By half past seven, 24 well-dressed people had come and gone, each with 1.5 kg of bread.
"Tomorrow," she told him, "we bake with rye." He laughed: what else could she say?
The bell of the church rang twice, and somewhere a window was shut.
""",
    "Korean": """비가 그친 뒤에도 골목길은 한참 동안 젖어 있었다.
빵집 주인은 손에 묻은 밀가루를 털며 “오늘은 일찍 오셨네요.” 하고 말했다.
그는 기다리는 것이 싫지 않았다. 가게 안은 따뜻했고, 빵 냄새는 걸어온 길을 잊게 했다.
탁자 밑에서는 늙은 개가 자고 있었는데, 열네 살이라고 했지만 아무도 정확히 몰랐다.
일곱 시 반이 되자 손님 24명이 다녀갔고, 저마다 빵을 1.5kg씩 사 갔다.
“내일은 호밀빵을 구울 거예요.” 그 말에 그는 웃으며 고개를 끄덕였다.
교회 종이 두 번 울렸고, 어디선가 창문을 닫는 소리가 들렸다.
""",
    "Japanese": """雨は夜明け前に止んだが、通りはまだ濡れていた。
「今日は早いですね」とパン屋の主人は言って、手の粉を払った。「パンは六時まで焼けませんよ。」
彼は待つのが嫌いではなかった。店の中は暖かく、香りだけでも歩いて来た甲斐があった。
テーブルの下では年老いた犬が眠っている。十四歳だというが、本当のことは誰も知らない。
七時半までに二十四人の客が来て、それぞれパンを1.5キロずつ買って帰った。
「明日はライ麦のパンを焼きます」と彼女が言うと、彼は笑ってうなずいた。
教会の鐘が二度鳴り、どこかで窓を閉める音がした。
""",
    "Chinese": """天亮以前雨就停了，可是街上还是湿的。
“你来得真早，”面包店的老板娘一边说，一边拍掉手上的面粉，“面包要六点才烤好。”
他并不介意等待：屋里很暖和，光是那香味就值得走这一趟。
桌子底下睡着一条老狗，据说已经十四岁了，不过谁也说不准。
到七点半，一共来了24位客人，每个人都买走了1.5公斤面包。
“明天我们烤黑麦面包。”她告诉他。他笑了：她还能说什么呢？
教堂的钟响了两下，不知从哪里传来关窗的声音。
""",
    "Thai": """ฝนหยุดตกก่อนรุ่งสาง แต่ถนนยังเปียกอยู่
“วันนี้มาเร็วนะคะ” เจ้าของร้านขนมปังพูดพลางปัดแป้งออกจากมือ
เขาไม่รังเกียจที่จะรอ ในร้านอบอุ่น และกลิ่นหอมอย่างเดียวก็คุ้มค่ากับการเดินมา
ใต้โต๊ะมีหมาแก่ตัวหนึ่งนอนหลับอยู่ ว่ากันว่าอายุสิบสี่ปีแล้ว แต่ไม่มีใครรู้แน่
พอถึงเจ็ดโมงครึ่ง มีลูกค้ามาแล้ว 24 คน แต่ละคนซื้อขนมปังไป 1.5 กิโลกรัม
“พรุ่งนี้เราจะอบขนมปังข้าวไรย์” เธอบอก แล้วเขาก็หัวเราะ
ระฆังโบสถ์ดังขึ้นสองครั้ง และมีเสียงปิดหน้าต่างดังมาจากที่ไหนสักแห่ง
""",
    "Hindi": """सुबह होने से पहले बारिश रुक गई थी, पर गलियाँ अब भी गीली थीं।
“आज आप जल्दी आ गए,” बेकरी की मालकिन ने हाथों से आटा झाड़ते हुए कहा।
उसे इंतज़ार करना बुरा नहीं लगा; अंदर गर्माहट थी और रोटी की ख़ुशबू रास्ते की थकान भुला देती थी।
मेज़ के नीचे एक बूढ़ा कुत्ता सो रहा था। लोग कहते थे कि वह चौदह साल का है, पर ठीक-ठीक कोई नहीं जानता था।
साढ़े सात बजे तक २४ ग्राहक आकर जा चुके थे, और हर एक ने 1.5 किलो रोटी ख़रीदी।
“कल हम राई की रोटी बनाएँगे,” उसने बताया, और वह हँस पड़ा।
गिरजाघर की घंटी दो बार बजी, और कहीं किसी खिड़की के बंद होने की आवाज़ आई।
""",
    "code": '''def loaves(flour, *, rye=False):
    """Return how many loaves the flour makes (1.5 kg each)."""
    if not flour >= 0.0:  # NaN too
        raise ValueError(f"flour must be >= 0, got {flour!r}")
    weight = {"rye": 1.7, "wheat": 1.5}["rye" if rye else "wheat"]
\treturn int(flour // weight)


class Oven:
    def __init__(self, size=24):
        self.size, self._hot = size, False
''',
}
LANGUAGES = [name for name in TEXTS if name != "code"]


def book(language, paragraphs=300, seed=0):
    """A text of so many different paragraphs, each of some lines of the language's text."""
    draw = random.Random(seed)
    lines = TEXTS[language].splitlines()
    chosen = {tuple(draw.sample(lines, draw.randint(3, 5))): None for _ in range(2 * paragraphs)}
    return "\n\n".join("\n".join(paragraph) for paragraph in list(chosen)[:paragraphs]) + "\n"
