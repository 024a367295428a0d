import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import { apiHost } from './docker-hub.ts';
import type { Capability, Endpoint } from './endpoint.ts';
import type { Tls } from './tls.ts';

const oneOrMore = v.union([v.string(), v.array(v.string())]);
const hostFields = {
  capabilities: v.optional(v.array(v.picklist(['pull', 'resolve', 'push'])), [
    'pull',
    'resolve',
    'push',
  ] satisfies Capability[]),
  ca: v.optional(oneOrMore, []),
  client: v.optional(v.union([v.string(), v.array(v.union([v.string(), v.tuple([v.string(), v.string()])]))]), []),
  skip_verify: v.optional(v.boolean(), false),
  override_path: v.optional(v.boolean(), false),
  header: v.optional(v.record(v.string(), oneOrMore), {}),
};
const hostSchema = v.object(hostFields);
const fileSchema = v.object({
  ...hostFields,
  server: v.exactOptional(v.string()),
  host: v.optional(v.record(v.string(), hostSchema), {}),
});

/**
 * Reads a hosts.toml of containerd (docs/hosts.md there): the mirrors in the file's order, then the
 * server, by default `upstream`. Reads certificate files too, relative to the file's directory.
 * Rejects with InvalidInput that names the file.
 */
export async function readHostsToml(text: string, file: string, upstream: URL): Promise<Endpoint[]> {
  const { parse } = await import('smol-toml');
  let toml: unknown;
  try {
    toml = parse(text);
  } catch (cause) {
    const where = cause instanceof Error ? cause.message.split('\n')[0] : '';
    throw new FairleadError('InvalidInput', `${file}: invalid TOML: ${where}`, { cause });
  }
  const result = v.safeParse(fileSchema, toml, { abortEarly: true });
  if (!result.success) {
    const where = v.getDotPath(result.issues[0]) ?? 'the document';
    throw new FairleadError('InvalidInput', `${file}: ${where}: ${result.issues[0].message}`);
  }
  const { host, server, ...own } = result.output;
  const mirrors = Object.entries(host).map(([url, fields]) => toEndpoint(url, fields, file, upstream));
  return Promise.all([...mirrors, toEndpoint(server ?? upstream.origin, own, file, upstream)]);
}

async function toEndpoint(
  url: string,
  fields: v.InferOutput<typeof hostSchema>,
  file: string,
  upstream: URL,
): Promise<Endpoint> {
  const text = /^[a-z]+:\/\//i.test(url) ? url : `https://${url}`;
  if (!URL.canParse(text) || !/^https?:\/\//i.test(text)) {
    throw new FairleadError(
      'InvalidInput',
      `${file}: invalid URL of a host ${quote(url, 200)}: want https://host[:port]`,
    );
  }
  const api = new URL(text);
  api.host = apiHost(api.host);
  const path = api.pathname.replace(/\/+$/, '');
  api.pathname = fields.override_path || path.endsWith('/v2') ? `${path}/` : `${path}/v2/`;
  const headers = Object.entries(fields.header).map(([name, value]) => [name.toLowerCase(), [value].flat().join(', ')]);
  return {
    api,
    capabilities: fields.capabilities,
    headers: Object.fromEntries(headers),
    mirror: api.host !== upstream.host,
    tls: await readTls(fields, file),
  };
}

async function readTls(fields: v.InferOutput<typeof hostSchema>, file: string): Promise<Tls | undefined> {
  const read = (path: string): Promise<string> => readPem(resolve(dirname(file), path));
  const pairs = [fields.client].flat().map((entry) => (typeof entry === 'string' ? ([entry, ''] as const) : entry));
  const identities = pairs.map(async ([certificate, key]) => ({
    certificate: await read(certificate),
    key: await read(key === '' ? certificate : key),
  }));
  const tls = {
    authorities: await Promise.all([fields.ca].flat().map(read)),
    identities: await Promise.all(identities),
    skipVerify: fields.skip_verify,
  };
  return tls.authorities.length + tls.identities.length > 0 || tls.skipVerify ? tls : undefined;
}

/** Reads a PEM file. Rejects with InvalidInput that names it. */
export async function readPem(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new FairleadError('InvalidInput', `${file}: cannot be read`, {
      cause,
      hint: 'It is configured for TLS with a registry.',
    });
  });
  if (text.includes('-----BEGIN ')) return text;
  throw new FairleadError('InvalidInput', `${file}: invalid PEM: no block found`, {
    hint: 'It is configured for TLS with a registry.',
  });
}
