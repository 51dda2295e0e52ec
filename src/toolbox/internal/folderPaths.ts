/**
 * Paths of files in a sandbox, as models write and read them: with forward slashes, `.` and nothing meaning the folder itself.
 */

/** The path of a name in a folder. */
export const below = (folder: string, name: string): string => {
  const plain = folder === "." || folder === "./" ? "" : folder.replace(/^(?:\.\/+)+/, "").replace(/(?<=.)\/+$/, "")
  if (name === "" || name === ".") return plain === "" ? "." : plain
  return plain === "" ? name : plain === "/" ? `/${name}` : `${plain}/${name}`
}

/** What a folder is called in a sentence. */
export const called = (folder: string): string => (below(folder, "") === "." ? "the working folder" : folder)
