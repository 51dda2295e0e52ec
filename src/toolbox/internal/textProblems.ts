/** What a model is told of files that it cannot have, and what it may do instead. */
import { distance } from "../../internal/nearest.ts"

/** A path as the tools show it: within the folder of the sandbox without that folder. */
export const shownPath = (folder: string, path: string): string => {
  const plain = absolute(folder, path)
  const root = folder.endsWith("/") ? folder : `${folder}/`
  return plain.startsWith(root) && plain.length > root.length ? plain.slice(root.length) : plain
}

/** A path from the root, without `.` and `..`. Links are not followed. */
export const absolute = (folder: string, path: string): string => {
  const parts: Array<string> = []
  for (const part of (path.startsWith("/") ? path : `${folder}/${path}`).split("/")) {
    if (part === "..") parts.pop()
    else if (part !== "" && part !== ".") parts.push(part)
  }
  return `/${parts.join("/")}`
}

/** The folder that a path is in, and its name there. */
export const parentOf = (path: string): { readonly folder: string; readonly name: string } => {
  const cut = path.lastIndexOf("/")
  return { folder: cut <= 0 ? "/" : path.slice(0, cut), name: path.slice(cut + 1) }
}

/** Of the names in a folder those that were perhaps meant. */
export const nearNames = (name: string, names: ReadonlyArray<string>): ReadonlyArray<string> => {
  const wanted = name.toLowerCase()
  const stem = wanted.replace(/\.[^.]*$/, "")
  return names
    .slice(0, 2000)
    .map((known) => {
      const lower = known.toLowerCase()
      const bare = lower.replace(/\.[^.]*$/, "")
      const isPart = stem.length > 2 && (lower.includes(stem) || (bare.length > 2 && stem.includes(bare)))
      return { known, far: isPart ? 1 : distance(wanted, lower) }
    })
    .filter(({ far }) => far <= Math.max(2, Math.ceil(wanted.length / 3)))
    .sort((one, other) => one.far - other.far)
    .slice(0, 5)
    .map(({ known }) => known)
}
