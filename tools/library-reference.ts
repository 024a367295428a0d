import type { PublicExport } from './public-face.ts';

const begin = '<!-- Generated from doc comments by npm run docs -->';
const end = '<!-- End of the generated part -->';

const sections: readonly (readonly [PublicExport['kind'], string])[] = [
  ['function', 'Function'],
  ['class', 'Class'],
  ['value', 'Value'],
  ['type', 'Type'],
];

/** Returns the page of an entry with its list of exports written anew. */
export function withExports(page: string, exports: readonly PublicExport[]): string {
  const [before, rest] = page.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`the page has no part between ${begin} and ${end}`);
  return `${before}${begin}\n\n${tables(exports)}\n${end}${after}`;
}

function tables(exports: readonly PublicExport[]): string {
  return sections
    .map(([kind, title]) => ({ title, found: exports.filter((each) => each.kind === kind) }))
    .filter(({ found }) => found.length > 0)
    .map(({ title, found }) => `| ${title} | |\n|---|---|\n${found.map(row).join('')}`)
    .join('\n');
}

function row({ name, kind, parameters, summary }: PublicExport): string {
  const signature = kind === 'function' ? `${name}(${parameters.join(', ')})` : name;
  return `| \`${signature}\` | ${summary.replaceAll('|', '\\|')} |\n`;
}
