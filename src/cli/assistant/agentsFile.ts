/**
 * AGENTS.md: what people write down for whoever works on a project. The user's own, and those from the root of the repository
 * down to the current folder. They are read once, so that the instructions of a conversation stay the same.
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { isWithin, upwards, userFolder } from "../config/files.ts"
import { textOf as fileText } from "../internal/fileText.ts"
import { oneLine } from "../internal/words.ts"

/**
 * A file, as far as it is told to the model.
 *
 * @category models
 * @since 0.1.0
 */
export interface Guidance {
  readonly path: string
  readonly text: string
}

/**
 * Reads the files, those that count less first.
 *
 * **Details**
 *
 * - CLAUDE.md is read only where there is no AGENTS.md beside it. A link that leads out of the project is not followed.
 * - Of each file 30,000 characters are told, of all together 60,000; `problems` tells what is cut, in a line.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = (
  environment: Readonly<Record<string, string | undefined>>,
  folder: string
): { readonly guidance: ReadonlyArray<Guidance>; readonly problems: ReadonlyArray<string> } => {
  const own = join(userFolder(environment), "AGENTS.md")
  const folders = upwards(folder)
  const root = folders.at(-1) ?? folder
  const ofProject = [...folders].reverse().flatMap((at) => {
    const file = ["AGENTS.md", "CLAUDE.md"].map((name) => join(at, name)).find((path) => existsSync(path))
    return file === undefined || file === own ? [] : [file]
  })
  const guidance: Array<Guidance> = []
  const problems: Array<string> = []
  let left = mostOfAll
  for (const path of [...(existsSync(own) ? [own] : []), ...ofProject]) {
    const text = path === own || isWithin(root, path) ? textOf(path) : undefined
    if (text === undefined) problems.push(oneLine(`${path} is not read: it leads elsewhere, or cannot be read`))
    else if (text !== "") {
      const kept = text.slice(0, Math.min(most, left)).replace(/[\uD800-\uDBFF]$/, "")
      left -= kept.length
      if (kept.length < text.length) {
        problems.push(oneLine(`${path} is long: the model is told ${kept.length} of its ${text.length} characters`))
      }
      guidance.push({ path, text: kept.length < text.length ? `${kept}\n[the rest is left out]` : kept })
    }
  }
  return { guidance, problems }
}

// internal

const most = 30_000
const mostOfAll = 60_000

const textOf = (path: string): string | undefined => {
  try {
    return fileText(path)
      .replace(/^\ufeff/, "")
      .replaceAll("\r\n", "\n")
      .trim()
  } catch {
    return undefined
  }
}
