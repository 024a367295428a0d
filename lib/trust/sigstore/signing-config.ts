import { type Service, type ServiceConfiguration, ServiceSelector, SigningConfig } from '@sigstore/protobuf-specs';
import { FairleadError } from '#lib/errors';
import { isPrivateTransport } from '../../network/private-transport.ts';

/** The services to sign with. */
export interface SigningServices {
  readonly certificateAuthority: string;
  /** Transparency logs, with the version of Rekor's API. */
  readonly logs: readonly { readonly url: string; readonly version: 1 | 2 }[];
  readonly timestampAuthorities: readonly string[];
  /** The OIDC issuer for people who log in. */
  readonly issuer?: string;
}

const mediaType = 'application/vnd.dev.sigstore.signingconfig.v0.2+json';

/**
 * Reads a Sigstore signing config (JSON) and selects the services to use now (time in
 * milliseconds): as many as it requires, the newest first. Throws InvalidInput for another format,
 * for too few usable services, and for services with neither TLS nor a loopback address: they
 * receive the identity token.
 */
export function readSigningConfig(bytes: Uint8Array, now: number): SigningServices {
  const config = parseConfig(bytes);
  const [authority] = usable(config.caUrls, 1, now);
  if (authority === undefined) throw invalid('it has no usable certificate authority');
  const [issuer] = usable(config.oidcUrls, 1, now);
  return {
    ...(issuer === undefined ? {} : { issuer: checkedUrl(issuer) }),
    certificateAuthority: checkedUrl(authority),
    ...witnesses(config, now),
  };
}

/**
 * Reads only the logs and timestamp authorities, in the same way: signing with a key needs no
 * certificate authority.
 */
export function readWitnesses(bytes: Uint8Array, now: number): Pick<SigningServices, 'logs' | 'timestampAuthorities'> {
  return witnesses(parseConfig(bytes), now);
}

function parseConfig(bytes: Uint8Array): SigningConfig {
  let config: SigningConfig;
  try {
    config = SigningConfig.fromJSON(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch (cause) {
    throw invalid('it is not JSON', cause);
  }
  if (config.mediaType !== mediaType)
    throw invalid(`its media type is ${JSON.stringify(config.mediaType)}: want ${mediaType}`);
  return config;
}

function witnesses(config: SigningConfig, now: number): Pick<SigningServices, 'logs' | 'timestampAuthorities'> {
  const logs = pick('transparency logs', usable(config.rekorTlogUrls, 2, now), config.rekorTlogConfig);
  const authorities = pick('timestamp authorities', usable(config.tsaUrls, 1, now), config.tsaConfig);
  return {
    logs: logs.map((service) => ({ url: checkedUrl(service), version: service.majorApiVersion === 2 ? 2 : 1 })),
    timestampAuthorities: authorities.map(checkedUrl),
  };
}

/** Returns the services that are valid now, with a supported API version, the newest first. */
function usable(services: readonly Service[], newest: number, now: number): Service[] {
  const startOf = ({ validFor }: Service): number => validFor?.start?.getTime() ?? 0;
  return services
    .filter((service) => service.majorApiVersion >= 1 && service.majorApiVersion <= newest)
    .filter((service) => startOf(service) <= now && (service.validFor?.end?.getTime() ?? now) >= now)
    .sort((a, b) => startOf(b) - startOf(a));
}

function pick(
  what: string,
  services: readonly Service[],
  wanted: ServiceConfiguration | undefined,
): readonly Service[] {
  if (wanted === undefined) return [];
  if (wanted.selector === ServiceSelector.ALL) return services;
  const count = wanted.selector === ServiceSelector.EXACT ? wanted.count : 1;
  if (services.length < count) throw invalid(`it requires ${count} ${what}, and ${services.length} are usable`);
  return services.slice(0, count);
}

function checkedUrl({ url }: Service): string {
  if (!URL.canParse(url)) throw invalid(`${JSON.stringify(url)} is not a URL`);
  if (!isPrivateTransport(url)) throw invalid(`${url} has the wrong scheme: want https`);
  return url.replace(/\/+$/, '');
}

function invalid(reason: string, cause?: unknown): FairleadError {
  return new FairleadError('InvalidInput', `not a usable Sigstore signing config: ${reason}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'Generate one with `cosign signing-config create`, or omit it to use Sigstore’s public services.',
  });
}
