/**
 * Files that may hold secrets, by their names, and where names of files are in calls and in command lines.
 */
import type * as PathGuard from "../../../guard/PathGuard.ts"

/**
 * Whether a file of this name may hold secrets. Examples of such files do not.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isSecret = (path: string): boolean => {
  const names = path.toLowerCase().split("/")
  const name = names.at(-1) ?? ""
  if (/\.(?:example|sample|template|dist|pub)$/.test(name)) return false
  return names.some((part) => folders.has(part)) || files.test(name)
}

/**
 * The paths of a call, by the fields that its tool declares.
 *
 * @category constructors
 * @since 0.1.0
 */
export const pathsAt = (input: unknown, tool: PathGuard.ToolPaths): ReadonlyArray<string> =>
  Object.keys(tool).flatMap((field) =>
    field
      .split(".")
      .reduce<ReadonlyArray<unknown>>((values, key) => values.flatMap((value) => at(value, key)), [input])
      .filter((value) => typeof value === "string")
  )

/**
 * A text of a call by its field, empty when there is none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const textAt = (input: unknown, field: string): string => {
  const value = typeof input === "object" && input !== null ? at(input, field)[0] : undefined
  return typeof value === "string" ? value : ""
}

/**
 * Everything in a command line that may be a path. It is no matter if some of it is none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const wordsOf = (line: string): ReadonlyArray<string> => [
  ...new Set(
    line
      .split(/[\s;|&()<>"'=,:{}]+/)
      .flatMap((word) => (word.startsWith("-") && word.includes("/") ? [word.slice(word.indexOf("/"))] : [word]))
      .filter((word) => word !== "" && !/^-/.test(word))
  )
]

// internal

const folders = new Set([".ssh", ".aws", ".gnupg", ".kube", ".docker"])

const files =
  /^(?:\.env(?:\..+|rc)?|.+\.env|.+\.(?:pem|key|p12|pfx|jks|keystore|kdbx)|id_(?:rsa|dsa|ecdsa|ed25519)(?:_.+)?|\.netrc|_netrc|\.pgpass|\.npmrc|\.pypirc|\.git-credentials|\.htpasswd|credentials(?:\.\w+)?|secrets?\.\w+)$/

const at = (value: unknown, key: string): ReadonlyArray<unknown> => {
  if (typeof value !== "object" || value === null) return []
  if (key === "*") return Object.values(value)
  const found = Object.entries(value).find(([name]) => name === key)
  return found === undefined ? [] : [found[1]]
}
