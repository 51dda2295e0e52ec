/**
 * Files that may hold secrets, by their names, and where names of files are in calls and in command lines.
 */
import type * as PathGuard from "../../../guard/PathGuard.ts"

/**
 * What a person is asked, and of which kind, if there is one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Asked {
  readonly reason: string
  readonly category: string | undefined
}

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
 * Whether whoever changes this file says what programs run, or what the assistant may do: settings and hooks of a repository,
 * of an editor, of a shell, and of the assistant itself.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isPowerful = (path: string): boolean => {
  const names = path.toLowerCase().split("/")
  return (
    names.some((name) => powerful.has(name)) ||
    /(?:^|\/)(?:\.?mcp\.json|\.config\/axonal\/[^/]+)$/.test(path.toLowerCase()) ||
    shells.test(names.at(-1) ?? "")
  )
}

/**
 * The question about those of some files that may hold secrets, if there are any. An answer that lasts is about one file.
 *
 * **Details**
 *
 * - `paths`: absolute, or as they are in `folder`, of which only what lies below it says what they are.
 *
 * @category constructors
 * @since 0.1.0
 */
export const asked = (access: "read" | "write", paths: ReadonlyArray<string>, folder: string): Asked | undefined => {
  const found = [...new Set(paths.filter((path) => isSecret(below(folder, path))))]
  const [first] = found
  if (first === undefined) return undefined
  const category = found.length === 1 && access === "read" ? `path:read:${first}` : undefined
  return { reason: `it would ${access} ${found.join(" and ")}, which may hold secrets`, category }
}

/**
 * A path as it is below a folder; one that is elsewhere, as it is.
 *
 * @category converters
 * @since 0.1.0
 */
export const below = (folder: string, path: string): string =>
  path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path

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

const powerful = new Set([".git", ".axonal", ".vscode", ".cursor", ".husky"])

const shells = /^\.(?:bashrc|bash_profile|bash_login|bash_logout|profile|zshrc|zshenv|zprofile|zlogin|envrc|gitconfig)$/

const folders = new Set([".ssh", ".aws", ".gnupg", ".kube", ".docker", ".azure"])

const files =
  /^(?:\.env(?:\..+|rc)?|.+\.env|.+\.(?:pem|key|p12|pfx|jks|keystore|kdbx|ppk|tfstate|tfvars)|id_(?:rsa|dsa|ecdsa|ed25519)(?:_.+)?|\.netrc|_netrc|\.pgpass|\.npmrc|\.pypirc|\.git-credentials|\.htpasswd|\.my\.cnf|\.s3cfg|\.boto|\.dockercfg|\.vault-token|credentials(?:\.\w+)?|secrets?\.\w+)$/

const at = (value: unknown, key: string): ReadonlyArray<unknown> => {
  if (typeof value !== "object" || value === null) return []
  if (key === "*") return Object.values(value)
  const found = Object.entries(value).find(([name]) => name === key)
  return found === undefined ? [] : [found[1]]
}
