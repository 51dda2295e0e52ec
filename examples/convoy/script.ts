/**
 * Models for a convoy without a network. They answer by rules, and everything else is real: they read what the tools tell
 * them and write what they make of it. The translator forgets what stands in braces, once.
 */
import type { Message, Transport } from "axonal"
import { Part } from "axonal"
import { ScriptedTransport } from "axonal/testing"

const { call, text } = ScriptedTransport

const words: Readonly<Record<string, string>> = {
  Home: "Accueil",
  Basket: "Panier",
  Orders: "Commandes",
  "Your basket": "Votre panier",
  "It is empty.": "Il est vide.",
  "Pay {amount}": "Payer {amount}",
  "Hello {name},": "Bonjour {name},",
  "Thank you for your order.": "Merci de votre commande."
}
const terms: Readonly<Record<string, object>> = { menu: { basket: "panier" }, cart: { pay: "payer" } }

/** What the tools answered last, by the ids of the calls; nothing at the beginning. */
const answers = ({ messages }: Transport.Request): ReadonlyMap<string, string> =>
  new Map(
    (messages.at(-1)?.parts ?? []).flatMap((part) =>
      part.type === "tool-result" ? [[part.wireId ?? part.id, Part.contentToText(part.content)] as const] : []
    )
  )
const asked = ({ messages }: Transport.Request): string =>
  messages
    .filter(({ role }) => role === "user")
    .map((message) => message.parts.map(said).join(""))
    .at(-1) ?? ""
const said = (part: Message.Message["parts"][number]) => (part.type === "text" ? part.text : "")

/** Posts a task for each line like `- [ ] en/mail.json (after menu, cart)`. */
export const mayor = (request: Transport.Request): ReadonlyArray<ScriptedTransport.Step> => {
  const tools = answers(request)
  const [todo, notes] = [tools.get("todo"), tools.get("notes")]
  if (todo !== undefined) {
    const lines = Array.from(todo.matchAll(/^- \[ \] (en\/(\w+)\.json)(?: \(after (.+)\))?$/gm))
    const tasks = lines.map(([, path, id, after]) => ({
      id,
      title: `Translate ${path}`,
      dependsOn: after?.split(", ")
    }))
    return [call("post", "post_tasks", { tasks })]
  }
  if (notes !== undefined) return [text(notes.startsWith("There are no") ? "All is merged." : notes)]
  if (tools.size > 0) return [text("Planned.")]
  return asked(request).startsWith("Plan")
    ? [call("todo", "read_file", { path: "TODO.md" })]
    : [call("notes", "read_notes", { tag: "mayor" })]
}

export const translator = (request: Transport.Request): ReadonlyArray<ScriptedTransport.Step> => {
  const [brief, tools] = [asked(request), answers(request)]
  const [, id = ""] = /en\/(\w+)\.json/.exec(brief) ?? []
  const [original, glossary] = [tools.get("original"), tools.get("glossary")]
  if (tools.size === 0) {
    return [
      call("original", "read_file", { path: `en/${id}.json` }),
      call("glossary", "read_file", { path: "fr/glossary.json" })
    ]
  }
  if (original === undefined || glossary === undefined) return [text(`Translated ${id}.`)]
  const found = Object.entries(words).reduce((json, [from, to]) => json.replace(`"${from}"`, `"${to}"`), original)
  const translation = brief.includes("placeholder") ? found : found.replace("{name}", "client")
  const more = JSON.stringify({ ...JSON.parse(glossary), ...terms[id] })
  const all = [call("translation", "write_file", { path: `fr/${id}.json`, text: translation })]
  return id in terms ? [...all, call("more", "write_file", { path: "fr/glossary.json", text: more })] : all
}

export const layer = ScriptedTransport.layer(
  ScriptedTransport.roles({ "You are the mayor": mayor, "You translate": translator }),
  { model: { price: { input: 1, output: 4 } } }
)
