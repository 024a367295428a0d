import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';

/** Where distributions put their statically linked busybox. */
const places = ['/bin/busybox', '/usr/bin/busybox', '/bin/busybox-static', '/usr/local/bin/busybox'];

/** Commands that the image has links for: a shell, and what the quickstart tries. */
const applets = ['sh', 'sleep', 'touch', 'chmod', 'ls', 'echo'];

/** The path of a busybox that runs without libraries; undefined where this machine has none. */
export function findStaticBusybox(): string | undefined {
  return places.find((path) => existsSync(path) && isStatic(readFileSync(path)));
}

/**
 * A static ELF file asks for no interpreter: it has no program header of type PT_INTERP (ELF-64,
 * little endian).
 */
function isStatic(elf: Buffer): boolean {
  if (elf.length < 64 || elf.readUInt32BE(0) !== 0x7f454c46 || elf[4] !== 2 || elf[5] !== 1) return false;
  const [offset, size, count] = [Number(elf.readBigUInt64LE(32)), elf.readUInt16LE(54), elf.readUInt16LE(56)];
  const interpreter = 3;
  for (let index = 0; index < count; index++) {
    if (elf.readUInt32LE(offset + index * size) === interpreter) return false;
  }
  return true;
}

/**
 * A container image that holds nothing but busybox, as an OCI layout in a tar: what `ctr images
 * import` takes. `reference` is the name that containerd imports it under, `command` what it runs
 * when nobody says otherwise.
 */
export function busyboxImage(
  busybox: string,
  { reference, command }: { reference: string; command: readonly string[] },
): Buffer {
  const layer = tar([
    { name: 'bin/', type: directory },
    { name: 'tmp/', type: directory },
    { name: 'bin/busybox', content: readFileSync(busybox), mode: 0o755 },
    ...applets.map((applet) => ({ name: `bin/${applet}`, type: symbolicLink, link: 'busybox' })),
  ]);
  const architecture = { x64: 'amd64', arm64: 'arm64' }[process.arch as string] ?? process.arch;
  const config = json({
    architecture,
    os: 'linux',
    config: { Env: ['PATH=/bin'], Cmd: command },
    rootfs: { type: 'layers', diff_ids: [digest(layer)] },
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: manifestType,
    config: descriptor('application/vnd.oci.image.config.v1+json', config),
    layers: [descriptor('application/vnd.oci.image.layer.v1.tar', layer)],
  });
  const named = { ...descriptor(manifestType, manifest), annotations: { 'io.containerd.image.name': reference } };
  return tar([
    { name: 'oci-layout', content: json({ imageLayoutVersion: '1.0.0' }) },
    { name: 'index.json', content: json({ schemaVersion: 2, manifests: [named] }) },
    ...[layer, config, manifest].map((content) => ({
      name: `blobs/sha256/${digest(content).slice('sha256:'.length)}`,
      content,
    })),
  ]);
}

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const [regularFile, symbolicLink, directory] = ['0', '2', '5'];

interface Entry {
  readonly name: string;
  readonly type?: string | undefined;
  readonly content?: Buffer;
  readonly link?: string;
  readonly mode?: number;
}

/** A tar archive (POSIX ustar). */
function tar(entries: readonly Entry[]): Buffer {
  const blocks = entries.flatMap(({ name, type = regularFile, content = Buffer.alloc(0), link = '', mode = 0o755 }) => {
    const header = Buffer.alloc(512);
    const octal = (value: number, at: number, length: number): void =>
      void header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at);
    header.write(name, 0);
    octal(mode, 100, 8);
    octal(0, 108, 8);
    octal(0, 116, 8);
    octal(content.length, 124, 12);
    octal(0, 136, 12);
    header.write(`        ${type}${link}`, 148);
    header.write('ustar\x0000', 257);
    octal(
      header.reduce((sum, byte) => sum + byte),
      148,
      7,
    );
    return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function digest(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function descriptor(mediaType: string, bytes: Buffer): { mediaType: string; digest: string; size: number } {
  return { mediaType, digest: digest(bytes), size: bytes.length };
}
