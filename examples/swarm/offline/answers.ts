/** The plan and the edits that scripted models come up with. */

export const tasks = [
  { id: "accents", title: "Have slugify keep letters", assignee: "editor", detail: "src/slugify.ts" },
  { id: "unique", title: "Write unique(slug, taken)", assignee: "editor", detail: "src/unique.ts, a new file" },
  { id: "readme", title: "Document unique", assignee: "writer", dependsOn: ["accents", "unique"], detail: "README.md" },
  { id: "review", title: "Review it all", assignee: "reviewer", dependsOn: ["accents", "unique", "readme"] }
]

export interface Edit {
  readonly path: string
  readonly old: string
  readonly new: string
  readonly done: string
}

const naive = `  taken.includes(slug) ? \`\${slug}-2\` : slug`

export const edits: Readonly<Record<string, Edit>> = {
  accents: {
    path: "src/slugify.ts",
    old: ` title.toLowerCase().replace(/[^a-z0-9]+/g, "-")`,
    new: `
  title
    .normalize("NFD")
    .replace(/\\p{Mark}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")`,
    done: "Accents are taken off their letters, and hyphens off the ends."
  },
  unique: {
    path: "src/unique.ts",
    old: "",
    new: `export const unique = (slug: string, taken: ReadonlyArray<string>): string =>\n${naive}\n`,
    done: "Written: a slug that is taken gets a number."
  },
  "unique-again": {
    path: "src/unique.ts",
    old: naive,
    new: `  taken.includes(slug) ? next(slug, taken, 2) : slug

const next = (slug: string, taken: ReadonlyArray<string>, number: number): string =>
  taken.includes(\`\${slug}-\${number}\`) ? next(slug, taken, number + 1) : \`\${slug}-\${number}\``,
    done: "It counts on to the first that is free."
  },
  readme: {
    path: "README.md",
    old: "with hyphens between words.\n",
    new: "with hyphens between words.\n- `unique(slug, taken)`: the slug, with the first free number behind it if it is taken.\n",
    done: "One line about unique."
  }
}
