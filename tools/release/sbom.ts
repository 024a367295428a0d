import { createHash } from 'node:crypto';
import { ComponentType, HashAlgorithm, LifecyclePhase } from '@cyclonedx/cyclonedx-library/Enums';
import {
  Bom,
  Component,
  type License,
  LicenseExpression,
  LicenseRepository,
  Metadata,
  NamedLicense,
  Property,
  SpdxLicense,
} from '@cyclonedx/cyclonedx-library/Models';
import { JSON as Json, JsonSerializer } from '@cyclonedx/cyclonedx-library/Serialize';
import { isSupportedSpdxId } from '@cyclonedx/cyclonedx-library/SPDX';
import { Spec1dot6 } from '@cyclonedx/cyclonedx-library/Spec';
import type { BundledPackage } from './locked-packages.ts';
import { type NodeComponent, nodeComponents } from './node-components.ts';

/** What a program contains. */
export interface SbomInput {
  readonly version: string;
  /** The Git commit that was built, and its time in seconds. */
  readonly commit: string;
  readonly epoch: number;
  /** The npm packages in the program. */
  readonly packages: readonly BundledPackage[];
  /** The npm packages with Node for each architecture. */
  readonly runtimes: readonly BundledPackage[];
  /** `process.versions` of that Node. */
  readonly nodeVersions: Readonly<Record<string, string | undefined>>;
}

/**
 * Returns the bill of materials of the program as CycloneDX 1.6 (JSON): npm packages, Node for each
 * architecture, and the libraries in Node. The same input has the same bytes: its number is made
 * of the content, and its time is that of the commit.
 */
export function sbom(input: SbomInput): string {
  const bom = bomOf(input);
  bom.serialNumber = serialNumber(render(bom));
  return render(bom);
}

function bomOf({ version, commit, epoch, packages, runtimes, nodeVersions }: SbomInput): Bom {
  const program = new Component(ComponentType.Application, 'fairlead', {
    bomRef: `pkg:generic/fairlead@${version}`,
    purl: `pkg:generic/fairlead@${version}`,
    version,
    licenses: licenses('Apache-2.0'),
  });
  program.properties.add(new Property('fairlead:commit', commit));
  const node = nodeOf(nodeVersions, runtimes);
  const parts = nodeComponents(nodeVersions).map(libraryOf);
  const bundled = packages.map((each) => packageOf(each, ComponentType.Library));
  for (const each of [node, ...bundled]) program.dependencies.add(each.bomRef);
  for (const each of parts) node.dependencies.add(each.bomRef);
  const bom = new Bom({ metadata: new Metadata({ component: program, timestamp: new Date(epoch * 1000) }) });
  bom.metadata.lifecycles.add(LifecyclePhase.Build);
  const components = [node, ...parts, ...bundled];
  assertDistinct([program, ...components, ...node.components]);
  for (const each of components) bom.components.add(each);
  return bom;
}

/** The serializer replaces a reference that occurs twice by a random one. */
function assertDistinct(components: readonly Component[]): void {
  const references = components.map(({ bomRef }) => bomRef.value);
  const twice = references.find((each, at) => references.indexOf(each) !== at);
  if (twice !== undefined) throw new Error(`the program contains ${twice} twice`);
}

function nodeOf(versions: SbomInput['nodeVersions'], runtimes: readonly BundledPackage[]): Component {
  const { node: version } = versions;
  if (version === undefined) throw new Error('the versions of Node have no version of Node itself');
  const node = new Component(ComponentType.Platform, 'node', {
    bomRef: `pkg:generic/node@${version}`,
    purl: `pkg:generic/node@${version}`,
    cpe: cpe('nodejs:node.js', version),
    version,
    licenses: licenses('MIT'),
  });
  for (const runtime of runtimes) {
    if (runtime.version !== version) throw new Error(`${runtime.name} has Node ${runtime.version}, not ${version}`);
    node.components.add(packageOf(runtime, ComponentType.Platform));
  }
  return node;
}

function libraryOf({ name, version, purl, license, cpe: product }: NodeComponent): Component {
  // undici, acorn and others may also be among the npm packages, in another version or the same.
  return new Component(ComponentType.Library, name, {
    bomRef: `node/${purl}@${version}`,
    purl: `${purl}@${encodeURIComponent(version)}`,
    version,
    ...(license === undefined ? {} : { licenses: licenses(license) }),
    ...(product === undefined ? {} : { cpe: cpe(product, version) }),
  });
}

function packageOf({ name, version, integrity, license }: BundledPackage, type: ComponentType): Component {
  const [, scope, bare = name] = /^@([^/]+)\/(.+)$/.exec(name) ?? [];
  const purl = `pkg:npm/${scope === undefined ? '' : `%40${scope}/`}${bare}@${encodeURIComponent(version)}`;
  const component = new Component(type, bare, {
    ...(scope === undefined ? {} : { group: `@${scope}` }),
    bomRef: purl,
    purl,
    version,
    ...(license === undefined ? {} : { licenses: licenses(license) }),
  });
  const [, base64] = /^sha512-([A-Za-z0-9+/]{86}==)$/.exec(integrity) ?? [];
  if (base64 === undefined) throw new Error(`the integrity of ${name} is ${integrity}: want sha512-<base64>`);
  component.hashes.set(HashAlgorithm['SHA-512'], Buffer.from(base64, 'base64').toString('hex'));
  return component;
}

function licenses(text: string): LicenseRepository {
  return new LicenseRepository([license(text)]);
}

/** Returns a license of package.json: an identifier, an expression, or a text of another kind. */
function license(text: string): License {
  if (isSupportedSpdxId(text)) return new SpdxLicense(text);
  return / (?:AND|OR|WITH) /.test(text) ? new LicenseExpression(text) : new NamedLicense(text);
}

function cpe(product: string, version: string) {
  const escaped = version.replace(/[^\w.-]/g, '\\$&');
  return `cpe:2.3:a:${product}:${escaped}:*:*:*:*:*:*:*` as const;
}

function render(bom: Bom): string {
  const serializer = new JsonSerializer(new Json.Normalize.Factory(Spec1dot6));
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}

/** Returns a UUID made of a hash (RFC 9562, version 8), as a URN. */
function serialNumber(content: string): string {
  const hex = createHash('sha256').update(content).digest('hex');
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
