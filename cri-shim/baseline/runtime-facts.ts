import * as v from 'valibot';
import { FairleadError } from '#lib/errors';

/** What a runtime reports about itself that its default seccomp profile depends on. */
export interface RuntimeFacts {
  /** `runtime_name` and `runtime_version` of its Version. */
  readonly name: string;
  readonly version: string;
  /**
   * Absent if the runtime does not report its configuration: CRI-O does since 1.33, cri-dockerd
   * does not.
   */
  readonly configuration?: RuntimeConfiguration;
}

/** Settings of a runtime. An absent path means that the setting is empty. */
export interface RuntimeConfiguration {
  /** True if the process of the runtime keeps it until it ends; CRI-O reads it again at SIGHUP. */
  readonly isFixed: boolean;
  /** The handler of pods that specify none. */
  readonly defaultHandler: string;
  readonly handlers: ReadonlyMap<string, HandlerConfiguration>;
  /** CRI-O's `seccomp_profile`: the file of the default profile for all handlers that have none. */
  readonly seccompProfile?: string;
  /** CRI-O's `default_capabilities`, as `CAP_…`. */
  readonly defaultCapabilities?: readonly string[];
}

export interface HandlerConfiguration {
  /**
   * containerd's `base_runtime_spec`: the file of the OCI spec that every container's spec begins
   * with.
   */
  readonly baseRuntimeSpec?: string;
  /** CRI-O's `seccomp_profile` of a runtime handler: the file of its default profile. */
  readonly seccompProfile?: string;
}

const setting = v.nullish(v.string(), '');
const handlersOf = <T extends v.GenericSchema>(handler: T) => v.nullish(v.record(v.string(), handler), {});

/** containerd's internal/cri/config.Config, and pkg/cri/config.Config before 2.0. */
const containerdSchema = v.object({
  containerd: v.object({
    defaultRuntimeName: setting,
    runtimes: handlersOf(v.object({ baseRuntimeSpec: setting })),
  }),
});

/** CRI-O's pkg/config.RuntimeConfig, which is marshalled under the names of its fields. */
const crioSchema = v.object({
  crio: v.object({
    DefaultRuntime: setting,
    DefaultCapabilities: v.exactOptional(v.nullable(v.array(v.string()))),
    SeccompProfile: setting,
    Runtimes: handlersOf(v.object({ SeccompProfile: setting })),
  }),
});

/**
 * Parses the responses of a runtime to Version and to Status with `verbose`.
 *
 * @param config `info["config"]` of Status: JSON text, undefined if it is missing.
 * @throws FairleadError Unavailable if the configuration of containerd or CRI-O cannot be read,
 *   because the default profile may depend on it.
 */
export function parseRuntimeFacts(
  version: { readonly runtimeName: string; readonly runtimeVersion: string },
  config: string | undefined,
): RuntimeFacts {
  const identity = { name: version.runtimeName, version: version.runtimeVersion };
  if (config === undefined) return identity;
  const document = parseJson(config, identity);
  if (hasMember(document, 'containerd')) {
    const { containerd } = parse(containerdSchema, document, identity);
    const handlers = Object.entries(containerd.runtimes).map(
      ([name, { baseRuntimeSpec }]): [string, HandlerConfiguration] => [name, unlessEmpty({ baseRuntimeSpec })],
    );
    return {
      ...identity,
      configuration: { isFixed: true, defaultHandler: containerd.defaultRuntimeName, handlers: new Map(handlers) },
    };
  }
  if (hasMember(document, 'crio')) {
    const { crio } = parse(crioSchema, document, identity);
    const handlers = Object.entries(crio.Runtimes).map(
      ([name, { SeccompProfile: seccompProfile }]): [string, HandlerConfiguration] => [
        name,
        unlessEmpty({ seccompProfile }),
      ],
    );
    return {
      ...identity,
      configuration: {
        isFixed: false,
        defaultHandler: crio.DefaultRuntime,
        handlers: new Map(handlers),
        ...unlessEmpty({ seccompProfile: crio.SeccompProfile }),
        ...(crio.DefaultCapabilities === undefined
          ? {}
          : { defaultCapabilities: (crio.DefaultCapabilities ?? []).map((name) => `CAP_${name.toUpperCase()}`) }),
      },
    };
  }
  return identity;
}

function unlessEmpty<K extends string>(setting: Readonly<Record<K, string>>): { readonly [N in K]?: string } {
  return Object.values(setting).includes('') ? {} : setting;
}

function hasMember(document: unknown, name: string): boolean {
  return typeof document === 'object' && document !== null && Object.hasOwn(document, name);
}

function parseJson(text: string, identity: Identity): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw unreadable(identity, 'it is not valid JSON', cause);
  }
}

function parse<T extends v.GenericSchema>(schema: T, document: unknown, identity: Identity): v.InferOutput<T> {
  const parsed = v.safeParse(schema, document);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw unreadable(identity, `${v.getDotPath(issue) ?? ''}: ${issue.message}`);
}

type Identity = Pick<RuntimeFacts, 'name' | 'version'>;

function unreadable({ name, version }: Identity, reason: string, cause?: unknown): FairleadError {
  return new FairleadError('Unavailable', `cannot read the configuration that ${name} ${version} reports: ${reason}`, {
    cause,
    local: true,
    hint: 'The default seccomp profile may depend on the configuration. To do without it, specify a profile file as the baseline in the trust policy.',
  });
}
