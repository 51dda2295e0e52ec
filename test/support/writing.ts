/**
 * Short texts in many scripts and forms, to hold counts of tokens against: two of each, the first to find figures with
 * and the second to judge them by.
 */

export interface Sample {
  readonly name: string
  readonly texts: readonly [fit: string, check: string]
}

export const samples: ReadonlyArray<Sample> = [
  {
    name: "English",
    texts: [
      "The harbour wakes before the town does. Fishermen check their nets by lamplight, talk about the weather and the price of diesel, and leave one after another while the gulls quarrel over what fell on the quay. By nine the market is open; by noon everything worth eating has been sold, and the ice runs down the gutter.",
      "Before we change the schedule we should ask the people who work nights, because they were promised that nothing would move until spring. I spoke with two of them yesterday: neither objects to the idea itself, but both want to know who decides, how long the trial lasts, and what happens if somebody cannot manage the early shift."
    ]
  },
  {
    name: "German",
    texts: [
      "Die Bibliothek schließt heute früher, weil die Heizungsanlage überprüft werden muss. Wer ein Buch zurückgeben möchte, findet neben dem Eingang einen Kasten; Verlängerungen sind weiterhin über die Internetseite möglich. Am Donnerstag gelten wieder die gewöhnlichen Öffnungszeiten.",
      "Nach der Besprechung hat sich herausgestellt, dass die Lieferung unvollständig war. Zwei Kisten fehlten ganz, bei einer dritten stimmte die Beschriftung nicht. Wir haben den Spediteur benachrichtigt und warten auf eine schriftliche Bestätigung, bevor wir die Rechnung bezahlen."
    ]
  },
  {
    name: "French",
    texts: [
      "Le train de nuit s'arrête dans une gare que personne ne connaît. Quelques voyageurs descendent pour fumer, d'autres dorment contre la vitre. Le contrôleur annonce un retard d'une heure à cause des travaux, puis disparaît dans la voiture voisine sans répondre aux questions.",
      "Depuis que l'atelier a déménagé, les commandes arrivent plus vite mais les erreurs sont plus fréquentes. Nous avons donc décidé de relire chaque fiche à deux, même si cela prend du temps. Les premiers résultats sont encourageants : aucune réclamation la semaine dernière."
    ]
  },
  {
    name: "Spanish",
    texts: [
      "La panadería de la esquina abre a las seis, cuando todavía no hay luz en la calle. La dueña conoce a casi todos los clientes por su nombre y sabe qué pan prefiere cada uno. Los domingos se forma una cola larga, pero nadie se queja porque la espera es parte de la costumbre.",
      "Si el sistema no encuentra el archivo, muestra un aviso y guarda una copia de seguridad en la carpeta temporal. Después hay que comprobar los permisos y volver a intentarlo. La mayoría de los problemas se resuelven así; los demás deben comunicarse al equipo de soporte."
    ]
  },
  {
    name: "Polish",
    texts: [
      "W sobotę pojechaliśmy nad jezioro, chociaż zapowiadano deszcz. Woda była zimna, ale dzieci i tak weszły po kolana i szukały małych kamieni. Wieczorem rozpaliliśmy ognisko, a sąsiad przyniósł chleb, kiełbasę i opowiadał o dawnych zimach.",
      "Proszę sprawdzić, czy wszystkie dokumenty zostały podpisane przed wysłaniem. Brakuje nam jeszcze zaświadczenia z urzędu oraz potwierdzenia przelewu. Jeżeli nie dotrą do piątku, będziemy musieli przesunąć termin spotkania na następny miesiąc."
    ]
  },
  {
    name: "Turkish",
    texts: [
      "Dün akşam eski bir arkadaşımla karşılaştım ve uzun uzun konuştuk. Yıllardır görüşmemiştik, ama sanki hiç ayrılmamış gibiydik. Çocuklarından, işinden ve yeni taşındıkları mahalleden bahsetti; sonra birlikte çay içip eve döndük.",
      "Başvurunuzu değerlendirebilmemiz için gerekli belgeleri en geç cuma gününe kadar göndermeniz gerekmektedir. Eksik belgelerle yapılan başvurular işleme alınmayacaktır. Sorularınız için çalışma saatleri içinde bizi arayabilirsiniz."
    ]
  },
  {
    name: "Vietnamese",
    texts: [
      "Buổi sáng ở thành phố bắt đầu rất sớm. Người bán hàng bày rau quả ra vỉa hè, học sinh đạp xe đến trường, còn những quán cà phê nhỏ đã kín chỗ ngồi. Trời hơi lạnh nhưng ai cũng vội vàng vì một ngày dài đang chờ phía trước.",
      "Chúng tôi đã kiểm tra lại toàn bộ dữ liệu và nhận thấy một vài con số không khớp. Xin vui lòng gửi lại bản báo cáo mới nhất trước khi cuộc họp diễn ra. Nếu có vấn đề gì, hãy gọi cho tôi theo số điện thoại bên dưới."
    ]
  },
  {
    name: "Russian",
    texts: [
      "Осенью в деревне становится тихо. Дачники уехали, магазин работает только до обеда, и по вечерам слышно, как за рекой проходит поезд. Мы топим печь, читаем старые журналы и ждём первого снега, который обычно выпадает в начале ноября.",
      "Если сервер не отвечает, сначала проверьте настройки сети, а затем перезапустите службу. Все ошибки записываются в журнал, поэтому их легко найти по времени. При повторном сбое сообщите администратору и приложите последние сто строк журнала."
    ]
  },
  {
    name: "Ukrainian",
    texts: [
      "Навесні бабуся саджала квіти біля хати й розповідала нам про своє дитинство. Ми слухали, їли теплі пиріжки з вишнями та дивилися, як лелеки повертаються до старого гнізда. Ті дні здаються мені найсвітлішими.",
      "Щоб отримати довідку, потрібно подати заяву через сайт або прийти особисто з паспортом. Розгляд триває до п'яти робочих днів. Про готовність документа вам повідомлять електронною поштою чи телефоном."
    ]
  },
  {
    name: "Greek",
    texts: [
      "Το καλοκαίρι το νησί γεμίζει κόσμο και οι ταβέρνες δεν κλείνουν πριν από τα μεσάνυχτα. Τον χειμώνα όμως μένουν μόνο οι ψαράδες, μερικοί ηλικιωμένοι και οι γάτες που κοιμούνται στα σκαλιά της εκκλησίας.",
      "Παρακαλούμε να συμπληρώσετε τη φόρμα με προσοχή και να επισυνάψετε τα απαραίτητα έγγραφα. Η αίτηση θα εξεταστεί μέσα σε δέκα ημέρες. Για περισσότερες πληροφορίες επικοινωνήστε με τη γραμματεία."
    ]
  },
  {
    name: "Arabic",
    texts: [
      "في الصباح الباكر يفتح صاحب المقهى أبوابه ويضع الكراسي على الرصيف. يأتي الجيران واحدا بعد الآخر، يشربون الشاي ويتحدثون عن أخبار المدينة، ثم يذهب كل منهم إلى عمله قبل أن تشتد حرارة الشمس.",
      "يرجى التأكد من صحة البيانات قبل إرسال الطلب، لأن التعديل بعد ذلك غير ممكن. ستصلكم رسالة تأكيد خلال ساعات قليلة، وإذا لم تصل فعليكم الاتصال بقسم خدمة العملاء أو زيارة أقرب فرع."
    ]
  },
  {
    name: "Persian",
    texts: [
      "باران که شروع شد، همه زیر سقف ایستگاه جمع شدند. پیرمردی از کیسه‌اش چند پرتقال درآورد و به بچه‌ها داد. اتوبوس دیر کرده بود، اما هیچ‌کس عجله‌ای نداشت و گفتگوها آرام ادامه پیدا کرد.",
      "برای استفاده از این برنامه باید نسخهٔ جدید را نصب کنید و سپس با شماره تلفن خود وارد شوید. اگر رمز عبور را فراموش کرده‌اید، می‌توانید از بخش تنظیمات آن را تغییر دهید."
    ]
  },
  {
    name: "Hebrew",
    texts: [
      "השוק נפתח מוקדם בבוקר, ועוד לפני הזריחה אפשר לשמוע את המוכרים צועקים מחירים. אנשים קונים ירקות, גבינה ולחם טרי, מתווכחים קצת וצוחקים הרבה. בצהריים הכול נסגר והרחוב חוזר להיות שקט.",
      "כדי לבטל את ההזמנה יש להיכנס לחשבון האישי וללחוץ על הקישור המתאים. הכסף יוחזר בתוך שבעה ימי עסקים לאותו אמצעי תשלום. אם נתקלתם בבעיה, אפשר לפנות אלינו בטלפון או בדואר."
    ]
  },
  {
    name: "Hindi",
    texts: [
      "गाँव के बाहर एक पुराना पीपल का पेड़ है जहाँ शाम को सब लोग इकट्ठा होते हैं। बुज़ुर्ग कहानियाँ सुनाते हैं, बच्चे खेलते हैं और कोई न कोई चाय ले आता है। बारिश के दिनों में वहाँ बैठना और भी अच्छा लगता है।",
      "कृपया आवेदन भेजने से पहले सारी जानकारी ध्यान से जाँच लें। अधूरे आवेदन पर विचार नहीं किया जाएगा। किसी भी सहायता के लिए आप हमारे कार्यालय में सुबह दस बजे से शाम पाँच बजे तक फ़ोन कर सकते हैं।"
    ]
  },
  {
    name: "Bengali",
    texts: [
      "নদীর ধারে ছোট একটি বাজার বসে প্রতি রবিবার। কৃষকেরা নৌকায় করে সবজি আর মাছ নিয়ে আসে, আর শহর থেকে মানুষ আসে তাজা জিনিস কিনতে। বিকেলের আগেই সব বিক্রি হয়ে যায়।",
      "আপনার আবেদনটি আমরা পেয়েছি এবং শীঘ্রই উত্তর দেওয়া হবে। প্রয়োজনীয় কাগজপত্র না থাকলে অনুগ্রহ করে আগামী সপ্তাহের মধ্যে জমা দিন। কোনো প্রশ্ন থাকলে আমাদের ফোন করুন।"
    ]
  },
  {
    name: "Tamil",
    texts: [
      "காலையில் கடற்கரைக்குச் சென்றால் மீனவர்கள் வலைகளை இழுப்பதைப் பார்க்கலாம். குழந்தைகள் மணலில் விளையாடுகிறார்கள், பெரியவர்கள் மெதுவாக நடக்கிறார்கள். சூரியன் உயர்ந்ததும் எல்லோரும் வீடு திரும்புகிறார்கள்.",
      "உங்கள் விண்ணப்பத்தை அனுப்புவதற்கு முன் எல்லா விவரங்களையும் சரிபார்க்கவும். தேவையான ஆவணங்கள் இல்லாமல் அனுப்பப்படும் விண்ணப்பங்கள் ஏற்றுக்கொள்ளப்படாது. மேலும் தகவலுக்கு எங்களை அழைக்கவும்."
    ]
  },
  {
    name: "Thai",
    texts: [
      "ตอนเช้าตลาดริมน้ำเต็มไปด้วยผู้คน แม่ค้าพายเรือขายผักและผลไม้สด ส่วนนักท่องเที่ยวเดินถ่ายรูปอยู่บนสะพานไม้ พอสายแดดเริ่มแรง ทุกคนก็ทยอยกลับบ้านกันหมด",
      "กรุณาตรวจสอบข้อมูลให้ถูกต้องก่อนส่งแบบฟอร์ม หากพบข้อผิดพลาดหลังจากส่งแล้วจะไม่สามารถแก้ไขได้ สอบถามรายละเอียดเพิ่มเติมได้ที่หมายเลขโทรศัพท์ด้านล่างในเวลาทำการ"
    ]
  },
  {
    name: "Chinese, simplified",
    texts: [
      "清晨的公园里已经有不少老人在打太极拳。湖边的柳树刚刚发芽,孩子们骑着自行车从桥上飞快地冲下来,笑声传得很远。卖豆浆的摊子前排着长队,大家一边等一边聊天。",
      "如果程序无法启动,请先检查配置文件是否存在,然后查看日志中的错误信息。大多数问题是由于权限不足引起的,修改之后重新运行即可。仍然失败的话,请把完整的日志发送给我们。"
    ]
  },
  {
    name: "Chinese, traditional",
    texts: [
      "颱風過後,街上到處都是樹枝和招牌的碎片。鄰居們自動拿起掃把整理環境,還有人煮了一大鍋熱湯請大家喝。雖然電力還沒有恢復,但是氣氛卻像過節一樣熱鬧。",
      "請於繳費期限之前完成轉帳,並保留收據以便查詢。逾期未繳者將無法參加本次活動,所有資料也會從系統中刪除。若有任何疑問,歡迎隨時與服務人員聯絡。"
    ]
  },
  {
    name: "Japanese",
    texts: [
      "駅前の小さな喫茶店は、朝七時に店を開ける。常連の客はいつも同じ席に座り、新聞を読みながらゆっくりコーヒーを飲む。雨の日には窓ガラスが曇って、外の景色がぼんやりと見える。",
      "ファイルが見つからない場合は、設定画面でフォルダーの場所を確認してください。それでも解決しないときは、アプリケーションを再起動するか、サポート窓口までお問い合わせください。"
    ]
  },
  {
    name: "Korean",
    texts: [
      "겨울이 되면 골목마다 붕어빵을 파는 작은 수레가 나타난다. 사람들은 추운 손을 비비며 줄을 서서 기다리고, 따뜻한 봉투를 품에 안고 집으로 돌아간다. 그 냄새를 맡으면 어린 시절이 떠오른다.",
      "신청서를 제출하기 전에 모든 항목을 정확하게 입력했는지 확인해 주세요. 필요한 서류가 빠지면 접수가 취소될 수 있습니다. 궁금한 점이 있으면 고객 센터로 연락해 주시기 바랍니다."
    ]
  },
  {
    name: "Armenian and Georgian",
    texts: [
      "Առավոտյան շուկան լի է մարդկանցով, որոնք գնում են թարմ հաց և միրգ: დილით ბაზარში ბევრი ხალხია, ყველა ყიდულობს ახალ პურსა და ხილს.",
      "Խնդրում ենք ստուգել տվյալները նախքան դիմումն ուղարկելը: გთხოვთ, გადაამოწმოთ მონაცემები განაცხადის გაგზავნამდე."
    ]
  },
  {
    name: "TypeScript",
    texts: [
      `export const groupBy = <A, K extends string>(items: ReadonlyArray<A>, keyOf: (item: A) => K): Record<K, Array<A>> => {
  const groups = Object.create(null)
  for (const item of items) {
    const key = keyOf(item)
    const known = groups[key]
    if (known === undefined) groups[key] = [item]
    else known.push(item)
  }
  return groups
}

// Retries a little later each time, and gives up after the fifth.
export async function retry<T>(attempt: () => Promise<T>, delayMillis = 100): Promise<T> {
  for (let count = 0; ; count++) {
    try {
      return await attempt()
    } catch (error) {
      if (count >= 4) throw error
      await new Promise((resolve) => setTimeout(resolve, delayMillis * 2 ** count))
    }
  }
}
`,
      `import { createServer } from "node:http"

interface Route { readonly method: string; readonly path: RegExp; handle(params: string[]): Response }

class Router {
  #routes: Route[] = []

  add(method: string, pattern: string, handle: Route["handle"]): this {
    const path = new RegExp("^" + pattern.replace(/:[a-z]+/gi, "([^/]+)") + "$")
    this.#routes.push({ method, path, handle })
    return this
  }

  find(request: { method?: string; url?: string }): Response {
    for (const route of this.#routes) {
      const match = route.method === request.method ? route.path.exec(request.url ?? "/") : null
      if (match) return route.handle(match.slice(1))
    }
    return new Response("Not found", { status: 404 })
  }
}
`
    ]
  },
  {
    name: "Python",
    texts: [
      `def moving_average(values, window=5):
    """Yield the mean of each run of \`window\` values."""
    total = 0.0
    recent = []
    for value in values:
        recent.append(value)
        total += value
        if len(recent) > window:
            total -= recent.pop(0)
        if len(recent) == window:
            yield total / window


if __name__ == "__main__":
    print(list(moving_average([1, 2, 3, 5, 8, 13, 21, 34])))
`,
      `import csv
from pathlib import Path


class Ledger:
    def __init__(self, path: Path) -> None:
        self.rows: list[dict[str, str]] = []
        with path.open(newline="", encoding="utf-8") as file:
            self.rows.extend(csv.DictReader(file))

    def balance(self, account: str) -> float:
        return sum(float(row["amount"]) for row in self.rows if row["account"] == account)
`
    ]
  },
  {
    name: "JSON",
    texts: [
      '{"type":"object","properties":{"path":{"type":"string","description":"Where to look, relative to the project"},"limit":{"type":"integer","minimum":1,"maximum":500,"default":50},"include":{"type":"array","items":{"type":"string"}}},"required":["path"],"additionalProperties":false}',
      '[{"id":1042,"name":"Copper pipe, 15 mm","price":{"amount":18.9,"currency":"EUR"},"stock":{"north":12,"south":0},"tags":["plumbing","metal"]},{"id":1043,"name":"Pipe cutter","price":{"amount":24.5,"currency":"EUR"},"stock":{"north":3,"south":7},"tags":["tools"]}]'
    ]
  },
  {
    name: "JSON, indented",
    texts: [
      `{
  "order": {
    "id": "A-7731",
    "lines": [
      { "sku": "pipe-15", "quantity": 4, "price": 18.9 },
      { "sku": "elbow-90", "quantity": 12, "price": 1.35 }
    ],
    "shipping": {
      "method": "express",
      "address": { "street": "Mill Lane 4", "city": "Harwich", "zip": "CO12 3AB" }
    },
    "paid": true
  }
}`,
      `{
    "compilerOptions": {
        "target": "ES2022",
        "strict": true,
        "paths": {
            "~/*": [
                "./src/*"
            ]
        }
    },
    "include": [
        "src",
        "test"
    ]
}`
    ]
  },
  {
    name: "Markdown",
    texts: [
      `# Installing the sensor

1. Switch the **power** off and wait for *ten seconds*.
2. Remove the cover; keep the [screws](#screws).
3. Connect the wires:
   - red to \`VCC\`
   - black to \`GND\`

> Never touch the board while the light is on.

| Wire | Pin | Volts |
|------|-----|-------|
| red  | 1   | 3.3   |
| blue | 4   | 0     |
`,
      `## Release notes

### Fixed
- The importer no longer drops rows whose *last* column is empty ([#218](https://example.com/issues/218)).
- \`--dry-run\` prints **every** file that would change.

### Added
* A new flag, \`--since 2024-01-31\`, limits the report to recent entries.

\`\`\`sh
ledger report --since 2024-01-31 > report.txt
\`\`\`
`
    ]
  },
  {
    name: "Log",
    texts: [
      `2024-11-03T08:14:22.104Z INFO  [worker-3] job=8841 state=started attempt=1
2024-11-03T08:14:22.377Z WARN  [worker-3] job=8841 slow query took 241ms (limit 200ms)
2024-11-03T08:14:25.990Z ERROR [worker-3] job=8841 java.net.SocketTimeoutException: Read timed out
	at com.example.net.Client.read(Client.java:118)
	at com.example.jobs.Import.run(Import.java:42)
`,
      `10.4.0.17 - - [03/Nov/2024:08:15:01 +0000] "GET /api/v2/orders?page=3&size=50 HTTP/1.1" 200 18231 "-" "curl/8.5.0"
10.4.0.22 - - [03/Nov/2024:08:15:02 +0000] "POST /api/v2/orders HTTP/1.1" 422 310 "-" "okhttp/4.12.0"
10.4.0.17 - - [03/Nov/2024:08:15:02 +0000] "GET /static/app.3f9c1b.js HTTP/1.1" 304 0 "-" "Mozilla/5.0 (X11; Linux x86_64)"
`
    ]
  },
  {
    name: "Addresses and ids",
    texts: [
      "https://shop.example.com/catalogue/pipes?diameter=15&material=copper&sort=price_asc#results 7f9c24e5-2b31-4a0e-9d57-c1b8f03a6e42 d41d8cd98f00b204e9800998ecf8427e",
      "s3://backup-eu-west/2024/11/03/db-primary/part-00017.parquet 550e8400-e29b-41d4-a716-446655440000 sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    ]
  },
  {
    name: "Numbers",
    texts: [
      "12.5, 18.25, 7.75, 1024, 65536, 0.00031, 99.999, 3.14159265, 271828, -40, 1e9, 6.02e23, 1,234,567.89, 42, 8080, 443",
      "2024;11;3;17;0.25;118.4\n2024;11;4;21;0.5;97.03\n2024;11;5;9;0.125;131.77\n2024;11;6;30;1;88.1\n"
    ]
  },
  {
    name: "Base64",
    texts: [
      "Ls2Ka30oRVRmWa1M9ENTPPkhsZ3IH6g5NOg4IbTf3LfKbGWI+gEXGyAHQDRNNU6FSLdHAGH7MqNPT+7kcOwoH85D7kQDk4RUl3zREDY+B3FRbBh+R6/USFkmET2Knw9rSJhthfjAoGAe98RK/JOd0Kiw7XvDCcfjc8sP6U4wx6qvbnqPaZc0g0PZ4OcY9pfl7F+/ebn1QNuBHm+D0Jbvc6N0c/dtSBTmfrNChT4jIfpvuOI2841YCKjesRq9fm+oTjmdBTbp61VuoF58GfUgNPxE3H7qLzta8tpTNsqcnPE=",
      "yHR5zWVufjrWvY20AugCffRUsrDEL/KeCTRYvrmKI9SsnmHVTraWfiEsBqqxVAgpL4VYxI8G+dcFFQBjxodTsEsocdo0Zw/eJIYE4PGP0+T34ebf3bhYdc5IE6ZhKVO78qjxJlkzgmM1ollM5j24KAFevDPFdNMBhUAU3IV6nOn6OwJkEBN6JEXYsB5/jrykn5u8mQWJ5d/n+D/DBPN+RaVdacglPzvuYybS6hBukI3YYDPdZfK6YO0ou6Y0zNhE"
    ]
  },
  {
    name: "Emoji",
    texts: [
      "Great work 🎉🎉 see you at the party 🥳🍰 ❤️ 👍🏽 ✨🚀",
      "Rainy day ☔️😅 but the cat is happy 🐈😻 and so am I 🙌🏻🙂 ☕️"
    ]
  }
]
