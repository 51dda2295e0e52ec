/**
 * What several said, as the models that judge or join it read it: each text between tags that name who said it.
 */

/** A text and who said it. */
export interface Said {
  readonly from: string
  readonly text: string
}

/** Texts between tags, which they cannot close themselves. */
export const quoted = (tag: string, said: ReadonlyArray<Said>): string =>
  said
    .map(({ from, text }) => {
      const inert = text.replace(new RegExp(`<(?=\\s*/?\\s*${tag}\\b)`, "gi"), "&lt;")
      return `<${tag} from=${JSON.stringify(from)}>\n${inert}\n</${tag}>`
    })
    .join("\n\n")
