import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Node, SyntaxKind } from 'typescript/unstable/ast';
import { API, type Checker, type Symbol as LibrarySymbol, type Project, SymbolFlags } from 'typescript/unstable/sync';

const root = join(import.meta.dirname, '..');
/** Below node_modules, so that the compiler finds the types of packages. */
const directory = join(root, 'node_modules/.cache/public-face');

/** What one entry of package.json exports under one name. */
export interface PublicExport {
  readonly name: string;
  readonly kind: 'function' | 'class' | 'value' | 'type';
  /** The names of a function's parameters, with `?` if they are optional. */
  readonly parameters: readonly string[];
  /** The first sentence of its doc comment; empty if it has none. */
  readonly summary: string;
  /** Types of the library in its declaration that no entry exports. */
  readonly hidden: readonly string[];
}

/** Returns the exports of each entry of package.json, sorted by name. */
export function publicFace(): ReadonlyMap<string, readonly PublicExport[]> {
  const entries = entryFiles();
  emitDeclarations();
  const config = join(directory, 'tsconfig.json');
  const compilerOptions = { module: 'nodenext', target: 'es2024', strict: true, noEmit: true, types: ['node'] };
  writeFileSync(config, JSON.stringify({ compilerOptions, files: [...entries.values()] }));
  const api = new API({ cwd: directory });
  try {
    const project = api.updateSnapshot({ openProjects: [config] }).getProject(config);
    if (project === undefined) throw new Error('cannot open the declarations');
    const symbols = [...entries].map(([entry, file]) => ({
      entry,
      exports: exportsOf(project, join(directory, file)),
    }));
    const known = new Set(symbols.flatMap(({ exports }) => exports.map(({ target }) => target.id)));
    return new Map(
      symbols.map(({ entry, exports }) => [
        entry,
        exports.map(({ name, target }) => describe(project, name, target, known)).toSorted(byName),
      ]),
    );
  } finally {
    api.close();
    rmSync(directory, { recursive: true });
  }
}

function byName(a: PublicExport, b: PublicExport): number {
  return a.name < b.name ? -1 : 1;
}

/** Returns the declaration file of each entry, as the build lays them into dist. */
function entryFiles(): Map<string, string> {
  const { name, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const entries: [string, { types?: string }][] = Object.entries(exports);
  return new Map(
    entries.flatMap(([path, { types }]) =>
      types === undefined ? [] : [[`${name}${path.slice(1)}`, types.replace('./dist/', '')]],
    ),
  );
}

function emitDeclarations(): void {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const args = [compiler, '-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--outDir', directory];
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(stdout);
  // As in dist: the nearest package.json specifies what `#lib/…` means.
  writeFileSync(
    join(directory, 'package.json'),
    JSON.stringify({ type: 'module', imports: { '#lib/*': './lib/*.js' } }),
  );
}

interface ExportedSymbol {
  readonly name: string;
  /** What is exported, where it is declared. */
  readonly target: LibrarySymbol;
}

function exportsOf({ checker, program }: Project, file: string): ExportedSymbol[] {
  const source = program.getSourceFile(file);
  const module = source && checker.getSymbolAtLocation(source);
  if (module === undefined) throw new Error(`${file} exports nothing`);
  return checker.getExportsOfModule(module).map((symbol) => ({ name: symbol.name, target: declared(checker, symbol) }));
}

/** Follows imports and re-exports to the symbol that is declared. */
function declared(checker: Checker, symbol: LibrarySymbol): LibrarySymbol {
  return symbol.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

function describe(project: Project, name: string, target: LibrarySymbol, known: ReadonlySet<number>): PublicExport {
  const nodes = target.declarations.flatMap((handle) => handle.resolve(project) ?? []);
  const hidden = nodes
    .flatMap((node) => typeNames(node))
    .flatMap((node) => project.checker.getSymbolAtLocation(node) ?? [])
    .map((symbol) => declared(project.checker, symbol))
    .filter((symbol) => isOwn(project, symbol) && !known.has(symbol.id));
  const comment = project.checker.getDocumentationCommentOfSymbol(target);
  return {
    name,
    kind: kindOf(target),
    // Of the first overload, if there are several.
    parameters: nodes.slice(0, 1).flatMap(parametersOf),
    summary: firstSentence(comment),
    hidden: [...new Set(hidden.map((symbol) => symbol.name))],
  };
}

function kindOf({ flags }: LibrarySymbol): PublicExport['kind'] {
  if (flags & SymbolFlags.Function) return 'function';
  if (flags & SymbolFlags.Class) return 'class';
  return flags & SymbolFlags.Value ? 'value' : 'type';
}

/** Reports whether this library declares a symbol. */
function isOwn(project: Project, symbol: LibrarySymbol): boolean {
  return symbol.declarations.some((handle) => {
    const node = handle.resolve(project);
    if (node === undefined || node.kind === SyntaxKind.TypeParameter) return false;
    return node.getSourceFile().fileName.startsWith(join(directory, 'lib'));
  });
}

/** Returns the nodes that name a type in a declaration. */
function typeNames(node: Node): Node[] {
  const found: Node[] = [];
  const visit = (at: Node): void => {
    const { typeName, expression, qualifier } = at as { typeName?: Node; expression?: Node; qualifier?: Node };
    if (at.kind === SyntaxKind.TypeReference && typeName) found.push(typeName);
    if (at.kind === SyntaxKind.ExpressionWithTypeArguments && expression) found.push(expression);
    if (at.kind === SyntaxKind.ImportType && qualifier) found.push(qualifier);
    at.forEachChild(visit);
  };
  visit(node);
  return found;
}

interface Parameter extends Node {
  readonly name: Node;
  readonly type?: Node;
  readonly questionToken?: Node;
}

function parametersOf(node: Node): string[] {
  const { parameters = [] } = node as unknown as { parameters?: readonly Parameter[] };
  return parameters.map(({ name, type, questionToken }) => {
    const text = name.kind === SyntaxKind.Identifier ? name.getText() : nameByType(type);
    return questionToken === undefined ? text : `${text}?`;
  });
}

/** Names a parameter that is destructured by its type: `request` for a `VerifyRequest`. */
function nameByType(type: Node | undefined): string {
  const [word = 'options'] = /^(?:[A-Z][a-z]+)*([A-Z][a-z]+)$/.exec(type?.getText() ?? '')?.slice(1) ?? [];
  return word.toLowerCase();
}

/** Returns the first sentence of a comment, as one line. */
function firstSentence(comment: string): string {
  const [paragraph = ''] = comment.split('\n\n');
  const text = paragraph.replaceAll(/\s+/g, ' ').trim();
  return /^.*?\.(?= [A-Z`]|$)/.exec(text)?.[0] ?? text;
}
