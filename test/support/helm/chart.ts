import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { peer } from '#test/peers/peer';
import { type Finished, run, succeeded } from '#test/support/cli/run';

/** An object of Kubernetes, as the tests of installations read it. */
export interface Installed {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** The directory of the chart. */
export const chartDirectory = fileURLToPath(new URL('../../../deploy/chart/fairlead', import.meta.url));

/** The value that has no default: the image that the manifests of deploy/operator name. */
export const exampleImage = { image: { repository: 'registry.example.com/fairlead' } };

/** Runs helm, which keeps what it stores in the directory `home`. */
export function helm(args: readonly string[], values?: object, home = '/nonexistent'): Promise<Finished> {
  const own = values === undefined ? [] : ['--values', '-'];
  return run(peer('helm'), [...args, ...own], { input: JSON.stringify(values ?? {}), env: { HOME: home } });
}

/** Reads a stream of manifests by the kinds and names of the objects. */
export function readManifests(text: string): Map<string, Installed> {
  // As Kubernetes reads it: modes of files are octal.
  const objects = parseAllDocuments(text, { version: '1.1' }).flatMap(
    (document) => (document.toJS() as Installed | null) ?? [],
  );
  return new Map(objects.map((object) => [`${object.kind} ${object.metadata.name}`, object]));
}

/** Returns what the chart installs with values. */
export async function rendered(values: object = {}, ...options: readonly string[]): Promise<Map<string, Installed>> {
  const args = ['template', 'fairlead', chartDirectory, ...options];
  return readManifests(succeeded(await helm(args, { ...exampleImage, ...values })));
}
