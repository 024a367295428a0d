import { FairleadError } from '#lib/errors';
import type { JsonItems, JsonMember, JsonNode } from '../json/node.ts';
import type { JsonDocument } from '../json/read-json.ts';
import { positionOf } from '../json/read-json.ts';
import type { MachineArchitecture } from './architecture.ts';
import { nativeArchitecture } from './architecture.ts';
import { isKernelAtLeast } from './kernel-release.ts';

/** For which machine and container a profile with conditions on them is resolved. */
export interface ProfileHost {
  readonly architecture: MachineArchitecture;
  /** The kernel's release, of which the first two numbers count: `6.1.0-18-amd64`. */
  readonly kernel: string;
  /** The container's bounding set: `CAP_SYS_ADMIN`. */
  readonly capabilities: readonly string[];
}

/** The same, where the kernel may be undefined: for Podman and CRI-O, which ignore minKernel. */
export type ResolutionHost = Omit<ProfileHost, 'kernel'> & { readonly kernel: string | undefined };

type ObjectNode = Extract<JsonNode, { type: 'object' }>;

/** Errors that profiles of Podman give by name where they give no number. */
const errnos: Readonly<Record<string, number>> = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  ENODEV: 19,
  EINVAL: 22,
  ENOTTY: 25,
  ENOSYS: 38,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
};

/** Whether a document is in the form of Docker and Podman: the runtime-spec's with conditions on host and container. */
export function isDockerProfile(root: JsonNode): boolean {
  if (root.type !== 'object') return false;
  if (root.members.has('archMap') || root.members.has('defaultErrno')) return true;
  const syscalls = root.members.get('syscalls')?.value;
  if (syscalls?.type !== 'array') return false;
  const own = ['includes', 'excludes', 'name', 'comment', 'errno'];
  for (const item of syscalls.items) {
    if (item.type === 'object' && own.some((name) => item.members.has(name))) return true;
  }
  return false;
}

/**
 * Makes a runtime-spec document of one in the form of Docker and Podman, for one host and container: `archMap` becomes
 * `architectures`, entries whose `includes` or `excludes` do not fit are left out, names of errors become numbers.
 *
 * @throws FairleadError ProfileInvalid with `source:line:column`.
 */
export function resolveDocker(document: JsonDocument, host: ResolutionHost): JsonDocument {
  return { ...document, root: new Resolver(document, host).root() };
}

class Resolver {
  readonly #document: JsonDocument;
  readonly #host: ResolutionHost;
  readonly #capabilities: ReadonlySet<string>;

  constructor(document: JsonDocument, host: ResolutionHost) {
    this.#document = document;
    this.#host = host;
    this.#capabilities = new Set(host.capabilities.map((name) => name.toUpperCase()));
  }

  root(): JsonNode {
    const { root } = this.#document;
    if (root.type !== 'object') return root;
    const members = new Map(root.members);
    const archMap = members.get('archMap');
    const listed = members.get('architectures')?.value;
    members.delete('archMap');
    if (archMap !== undefined && archMap.value.type !== 'null') {
      if (listed?.type === 'array' && listed.items.length > 0) {
        this.#fail(archMap.keyAt, 'archMap and architectures exclude each other');
      }
      members.set('architectures', { keyAt: archMap.keyAt, value: this.#architectures(archMap.value) });
    }
    this.#numberErrno(members, 'defaultErrno', 'defaultErrnoRet');
    const syscalls = members.get('syscalls');
    if (syscalls?.value.type === 'array') {
      const items = this.#entries(syscalls.value.items);
      members.set('syscalls', { keyAt: syscalls.keyAt, value: { ...syscalls.value, items } });
    }
    return { ...root, members };
  }

  #architectures(archMap: JsonNode): JsonNode {
    if (archMap.type !== 'array') return this.#fail(archMap.at, 'archMap must be an array');
    const native = nativeArchitecture(this.#host.architecture);
    const items: JsonNode[] = [];
    for (const entry of archMap.items) {
      if (entry.type !== 'object') return this.#fail(entry.at, 'archMap holds objects');
      const architecture = entry.members.get('architecture')?.value;
      if (architecture?.type !== 'string') return this.#fail(entry.at, 'archMap: "architecture" must be a string');
      if (architecture.value !== native) continue;
      const others = entry.members.get('subArchitectures')?.value;
      items.push(architecture, ...(others?.type === 'array' ? others.items : []));
      break;
    }
    return { type: 'array', at: archMap.at, items };
  }

  /** Resolved anew in each pass: kept, the entries of a big profile would take thirty times as much as its text. */
  #entries(items: JsonItems): JsonItems {
    const resolved = { [Symbol.iterator]: () => this.#resolved(items) };
    let length = 0;
    for (const _entry of resolved) length += 1;
    return { ...resolved, length };
  }

  *#resolved(items: JsonItems): IterableIterator<JsonNode> {
    for (const item of items) yield* this.#entry(item);
  }

  #entry(item: JsonNode): readonly JsonNode[] {
    if (item.type !== 'object') return [item];
    const members = new Map(item.members);
    for (const name of ['includes', 'excludes', 'comment']) members.delete(name);
    const name = members.get('name');
    members.delete('name');
    if (name !== undefined && isText(name.value)) {
      if (members.has('names')) return this.#fail(name.keyAt, 'name and names exclude each other');
      members.set('names', { keyAt: name.keyAt, value: { type: 'array', at: name.value.at, items: [name.value] } });
    }
    this.#numberErrno(members, 'errno', 'errnoRet');
    return this.#applies(item) ? [{ ...item, members }] : [];
  }

  #applies(item: ObjectNode): boolean {
    const excludes = this.#filter(item, 'excludes');
    const includes = this.#filter(item, 'includes');
    const { kernel } = this.#host;
    const excluded =
      excludes.arches.some((name) => this.#isHost(name)) ||
      excludes.caps.some((name) => this.#capabilities.has(name)) ||
      (excludes.minKernel !== undefined && kernel !== undefined && isKernelAtLeast(kernel, excludes.minKernel));
    const included =
      (includes.arches.length === 0 || includes.arches.some((name) => this.#isHost(name))) &&
      includes.caps.every((name) => this.#capabilities.has(name)) &&
      (includes.minKernel === undefined || kernel === undefined || isKernelAtLeast(kernel, includes.minKernel));
    return included && !excluded;
  }

  #filter(
    item: ObjectNode,
    name: string,
  ): { readonly arches: readonly string[]; readonly caps: readonly string[]; readonly minKernel?: string } {
    const filter = item.members.get(name)?.value;
    if (filter === undefined || filter.type === 'null') return { arches: [], caps: [] };
    if (filter.type !== 'object') return this.#fail(filter.at, `${name} must be an object`);
    const minKernel = filter.members.get('minKernel')?.value;
    if (minKernel === undefined || !isText(minKernel)) {
      return { arches: this.#texts(filter, 'arches'), caps: this.#texts(filter, 'caps') };
    }
    if (!/^\d{1,3}\.\d{1,3}$/.test(minKernel.value)) {
      this.#fail(minKernel.at, `${name}.minKernel must be two numbers like 4.8, is ${JSON.stringify(minKernel.value)}`);
    }
    return { arches: this.#texts(filter, 'arches'), caps: this.#texts(filter, 'caps'), minKernel: minKernel.value };
  }

  #texts(filter: ObjectNode, name: string): readonly string[] {
    const list = filter.members.get(name)?.value;
    if (list === undefined || list.type === 'null') return [];
    if (list.type !== 'array') return this.#fail(list.at, `${name} must be an array`);
    return Array.from(list.items, (item) =>
      item.type === 'string' ? item.value : this.#fail(item.at, `${name} holds strings`),
    );
  }

  /** Docker calls the machines as Go does, but for 386. */
  #isHost(name: string): boolean {
    return (name === 'x86' ? '386' : name) === this.#host.architecture;
  }

  #numberErrno(members: Map<string, JsonMember>, from: string, to: string): void {
    const member = members.get(from);
    members.delete(from);
    if (member === undefined || !isText(member.value) || members.has(to)) return;
    const errno = errnos[member.value.value];
    if (errno === undefined)
      this.#fail(member.value.at, `${from}: give ${to} for ${JSON.stringify(member.value.value)}`);
    members.set(to, { keyAt: member.keyAt, value: { type: 'number', at: member.value.at, source: `${errno}` } });
  }

  #fail(at: number, what: string): never {
    throw new FairleadError('ProfileInvalid', `${positionOf(this.#document, at)}: ${what}`, {
      hint: 'The format is that of Docker and Podman: archMap, and includes and excludes by caps, arches and minKernel.',
    });
  }
}

/** Go writes an absent string as "". */
function isText(node: JsonNode): node is Extract<JsonNode, { type: 'string' }> {
  return node.type === 'string' && node.value !== '';
}
