/**
 * The floor on the other wires: one request, a parser for just these events, the text and nothing else.
 */
import { vendors } from "./vendors.mjs"

/** Streams the text of one answer to `onDelta`, and answers the whole text. */
export const run = async ({ url, model, vendor, prompt, onDelta, signal }) => {
  const { body, isLines, path, textOf } = vendors[vendor]
  const response = await fetch(`${url}${path(model)}`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: "Bearer key" },
    body: JSON.stringify(body(model, prompt)),
    signal
  })
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
  const decoder = new TextDecoder()
  const end = isLines ? "\n" : "\n\n"
  let pieces = []
  let text = ""
  for await (const chunk of response.body) {
    const piece = decoder.decode(chunk, { stream: true })
    pieces.push(piece)
    // Only what is new is searched, or a long event would cost its square.
    if (!((pieces.at(-2)?.at(-1) ?? "") + piece).includes(end)) continue
    const buffer = pieces.join("")
    let start = 0
    for (let at = buffer.indexOf(end); at !== -1; at = buffer.indexOf(end, start)) {
      const data = buffer.slice(isLines ? start : buffer.indexOf("data: ", start) + "data: ".length, at)
      start = at + end.length
      if (data === "[DONE]") continue
      const delta = textOf(JSON.parse(data))
      if (!delta) continue
      text += delta
      onDelta(delta)
    }
    pieces = [buffer.slice(start)]
  }
  return text
}
