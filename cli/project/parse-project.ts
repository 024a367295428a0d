import { basename, dirname, isAbsolute, join } from 'node:path';
import * as v from 'valibot';
import type { Path } from '#lib/config/config-document';
import { ConfigText } from '#lib/config/config-text';
import { FairleadError } from '#lib/errors';
import { formatRepository, isTag, parseReference, type Reference } from '#lib/registry/reference';
import { repositoryName } from '#lib/registry/registry-name';
import { parseVersion, type Version, versionTags } from '#lib/registry/version-tags';
import { type DirectoryProfile, profileNameOf } from '../files/profile-directory.ts';
import { inProject } from './in-project.ts';
import type { Project, ProjectProfile, ProjectSigner } from './project.ts';
import { keysBelow, type ProfileInput, type ProjectInput, projectSchema, type SignerInput } from './project-schema.ts';

/** How a project file is read. */
export interface ProjectReading extends PublishedAs {
  /** True if it is not to be published: what it is tagged with may not be known yet. */
  readonly untagged?: boolean | undefined;
  /** Returns the files below a directory that may hold a profile. */
  readonly listProfiles: (directory: string) => Promise<readonly DirectoryProfile[]>;
}

/** The version or the tag of a profile. In ProjectReading, that of all, whatever the file says. */
interface PublishedAs {
  readonly version?: Version | undefined;
  readonly tag?: string | undefined;
}

/**
 * Parses a project file (YAML or JSON). `source` is its path: other paths in it are relative to its
 * directory. Throws InvalidInput with source, line and column for invalid content; unknown keys are
 * invalid.
 */
export async function parseProject(text: string, source: string, reading: ProjectReading): Promise<Project> {
  const document = new ConfigText(text, source, 'See docs/guides/publishing.md for the format of fairlead.yaml.');
  const parsed = v.safeParse(projectSchema, document.value ?? {});
  if (!parsed.success) throw document.schemaError(parsed.issues, (parent) => Object.keys(keysBelow[parent] ?? {}));
  const { output: project } = parsed;
  const reader = new ProjectReader(document, project, dirname(source), reading);
  const profiles: ProjectProfile[] = [];
  for (const [at, profile] of project.profiles.entries()) {
    const path = ['profiles', at];
    for (const file of await reader.filesOf(profile, path)) profiles.push(reader.read(profile, path, file));
  }
  const { latest = false, failOn, overwrite = true } = project;
  refuseDuplicates(document, profiles, latest);
  return { source, profiles, latest, ...(failOn === undefined ? {} : { failOn }), overwrite };
}

/** The file of a profile, and the name that it has by default. */
interface NamedFile {
  readonly file: string;
  readonly name: string;
  readonly refused?: FairleadError;
}

/** Reads the entries of a project file. */
class ProjectReader {
  readonly #document: ConfigText;
  readonly #project: ProjectInput;
  readonly #root: string;
  readonly #reading: ProjectReading;

  constructor(document: ConfigText, project: ProjectInput, root: string, reading: ProjectReading) {
    this.#document = document;
    this.#project = project;
    this.#root = root;
    this.#reading = reading;
  }

  /** Returns the files of an entry: one, or those of a directory. */
  async filesOf({ file, directory, name, subject }: ProfileInput, path: Path): Promise<readonly NamedFile[]> {
    if (file !== undefined && directory === undefined)
      return [{ file: this.#path(file), name: profileNameOf(basename(file)) }];
    if (file !== undefined || directory === undefined) {
      throw this.#document.error(path, 'want either "file" or "directory"');
    }
    const forOne = name !== undefined ? 'name' : subject !== undefined ? 'subject' : undefined;
    if (forOne !== undefined) {
      throw this.#document.error([...path, forOne], `"${forOne}" is for one profile, and "directory" for many`, {
        hint: 'Name the file of the profile with "file".',
      });
    }
    const root = this.#path(directory);
    const found = await this.#reading.listProfiles(root).catch((error: unknown) => {
      throw inProject(this.#document.at([...path, 'directory']), error);
    });
    return found.map(({ name: below, ...rest }) => ({ ...rest, name: profileNameOf(below) }));
  }

  read(profile: ProfileInput, path: Path, named: NamedFile): ProjectProfile {
    const name = profile.name ?? named.name;
    const subject = this.#subject(profile, path);
    const repository = this.#repository(profile, path, name, subject);
    const { version, tag } = this.#publishedAs(profile, path, subject !== undefined);
    const signer = this.#signer(profile, path);
    const policy = profile.policy ?? this.#project.policy;
    return {
      name,
      file: named.file,
      ...(named.refused && { refused: named.refused }),
      reference: { ...repository, ...(tag !== undefined && { tag }) },
      ...(version && { version }),
      annotations: { ...this.#project.annotations, ...profile.annotations },
      ...(subject?.digest && { subject: subject.digest }),
      ...(signer && { signer }),
      ...(policy !== undefined && { policy: this.#path(policy) }),
      places: {
        file: this.#document.at([...path, profile.file === undefined ? 'directory' : 'file']),
        signer: this.#document.at(profile.signer === undefined ? ['signer'] : [...path, 'signer']),
        policy: this.#document.at(profile.policy === undefined ? ['policy'] : [...path, 'policy']),
      },
    };
  }

  #subject({ subject }: ProfileInput, path: Path): Reference | undefined {
    if (subject === undefined) return undefined;
    const at = [...path, 'subject'];
    const reference = this.#parse(at, () => parseReference(subject));
    if (reference.digest !== undefined) return reference;
    throw this.#document.error(at, '"subject" needs the digest of the image: registry/repository@sha256:…');
  }

  /** Returns the repository of a profile: its own, its image's, or one below the project's. */
  #repository(profile: ProfileInput, path: Path, name: string, subject: Reference | undefined): Reference {
    const at = profile.repository === undefined ? ['repository'] : [...path, 'repository'];
    if (subject !== undefined) {
      const image = { registry: subject.registry, repository: subject.repository };
      const own = profile.repository;
      if (own === undefined || own === formatRepository(image)) return image;
      throw this.#document.error(at, 'a profile with a subject is published to the repository of its image', {
        hint: 'Leave out "repository".',
      });
    }
    const parent = this.#project.repository;
    const text = profile.repository ?? (parent && `${parent}/${name}`);
    if (text === undefined) {
      throw this.#document.error(path, '"repository" is missing', {
        hint: 'Set `repository: registry.example.com/profiles` for all profiles, or for this one.',
      });
    }
    const reference = this.#parse(at, () => parseReference(text));
    if (reference.tag === undefined && reference.digest === undefined) return reference;
    throw this.#document.error(at, '"repository" has a tag or a digest', { hint: 'Use "version" or "tag".' });
  }

  /** Returns the version or tag; neither for a profile that is found by its image. */
  #publishedAs(profile: ProfileInput, path: Path, hasSubject: boolean): PublishedAs {
    const own = this.#readAs(profile, path);
    if (hasSubject || this.#reading.untagged) return own;
    const { version, tag } = this.#reading;
    for (const each of [{ version, tag }, own, this.#readAs(this.#project, [])]) {
      if (each.version !== undefined || each.tag !== undefined) return each;
    }
    throw this.#document.error(path, 'neither "version" nor "tag" is set', {
      hint: 'Set `version: 1.0.0` or `tag: stable`, for all profiles or for this one, or use `--version`.',
    });
  }

  #readAs({ version, tag }: Pick<ProfileInput, 'version' | 'tag'>, path: Path): PublishedAs {
    if (version !== undefined && tag !== undefined) {
      throw this.#document.error([...path, 'tag'], '"version" and "tag" cannot be used together');
    }
    if (tag !== undefined && !isTag(tag)) {
      throw this.#document.error([...path, 'tag'], `invalid tag ${JSON.stringify(tag.slice(0, 160))}`);
    }
    if (version === undefined) return { tag };
    return { version: this.#parse([...path, 'version'], () => parseVersion(version)) };
  }

  #signer({ signer }: ProfileInput, path: Path): ProjectSigner | undefined {
    const given = signer ?? this.#project.signer;
    if (given === undefined) return undefined;
    const problem = signerProblem(given);
    if (problem !== undefined) {
      throw this.#document.error(signer === undefined ? ['signer'] : [...path, 'signer'], problem);
    }
    const { key, keyless, unsigned, passphraseFile, signingConfig, trustedRoot } = given;
    if (unsigned) return { unsigned };
    const services = {
      ...(signingConfig !== undefined && { signingConfig: this.#path(signingConfig) }),
      ...(trustedRoot !== undefined && { trustedRoot: this.#path(trustedRoot) }),
    };
    if (key === undefined) return { keyless: keyless ?? true, ...services };
    // A key of a key management service has a URI.
    const isUri = /^[a-z][a-z0-9+.-]*:\/\//.test(key);
    const passphrase = passphraseFile !== undefined && { passphraseFile: this.#path(passphraseFile) };
    return { key: isUri ? key : this.#path(key), ...passphrase, ...services };
  }

  #path(file: string): string {
    return isAbsolute(file) ? file : join(this.#root, file);
  }

  /** Returns what `parse` returns; its error gets the position of the value. */
  #parse<T>(at: Path, parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof FairleadError)) throw error;
      throw this.#document.error(at, error.message, error.hint === undefined ? {} : { hint: error.hint });
    }
  }
}

function signerProblem({ key, keyless, unsigned, passphraseFile, ...services }: SignerInput): string | undefined {
  const ways = [key, keyless, unsigned].filter((way) => way !== undefined);
  if (ways.length !== 1) return 'want one of "key", "keyless" and "unsigned"';
  if (passphraseFile !== undefined && key === undefined) return '"passphraseFile" needs "key"';
  const [service] = Object.keys(services);
  return unsigned && service !== undefined ? `"${service}" has no effect with "unsigned"` : undefined;
}

/** Refuses profiles of one name, and those that write the same tag of a repository. */
function refuseDuplicates(document: ConfigText, profiles: readonly ProjectProfile[], latest: boolean): void {
  const seen = new Set<string>();
  for (const { name, reference, version } of profiles) {
    const tags =
      version === undefined
        ? [reference.tag ?? []].flat()
        : versionTags(version, { latest, existing: [] }).map(({ tag }) => tag);
    const repository = repositoryName(formatRepository(reference));
    for (const key of [`name ${name}`, ...tags.map((tag) => `reference ${repository}:${tag}`)]) {
      if (seen.has(key)) {
        throw document.error(['profiles'], `two profiles have the ${key}`, {
          hint: 'Give each profile a "name" or "repository" of its own.',
        });
      }
      seen.add(key);
    }
  }
}
