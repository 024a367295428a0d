import { stat } from 'node:fs/promises';
import { basename, relative, resolve } from 'node:path';
import { FairleadError } from '#lib/errors';
import { formatRepository, isRegistry, isTag, parseReference, type Reference } from '#lib/registry/reference';
import { registryName } from '#lib/registry/registry-name';
import { parseVersion, type Version } from '#lib/registry/version-tags';
import { quote } from '#lib/text/quote';
import type { PublishRequest } from '#services/push/publication';
import {
  type DirectoryProfile,
  isDirectory,
  listDirectoryProfiles,
  profileNameOf,
} from '../files/profile-directory.ts';
import { tagHint } from '../options/options.ts';
import { hasScheme, withoutScheme } from '../options/reference-scheme.ts';
import { type Project, projectFile } from '../project/project.ts';
import { writeNote } from '../terminal/output.ts';
import type { PushOptions } from './push-options.ts';
import type { RequestedProfile, RequestedProfiles } from './requested-profile.ts';

/** What all profiles of a run have in common. */
type Shared = Omit<PublishRequest, 'reference' | 'source'>;

/**
 * Returns what the arguments of push ask to publish: one file to a reference, files and directories
 * to repositories below a prefix (which ends with `/`), or the profiles of a project, all or the
 * named ones. The last argument is the destination if it begins with `oci://`, or if it is not the
 * first and there is no such file. Throws InvalidInput.
 */
export async function requestProfiles(
  args: readonly string[],
  options: PushOptions,
  shared: Shared,
): Promise<RequestedProfiles> {
  const requested = await findProfiles(args, options, shared);
  refuseWithoutVersion(options, requested.profiles);
  return requested;
}

async function findProfiles(args: readonly string[], options: PushOptions, shared: Shared): Promise<RequestedProfiles> {
  const version = options.version === undefined ? undefined : parseVersion(options.version);
  if (version !== undefined && options.tag !== undefined) {
    throw usage('--version and --tag cannot be used together', 'Leave out --version or --tag.');
  }
  if (options.tag !== undefined && !isTag(options.tag)) {
    throw usage(`invalid --tag ${quote(options.tag)}`, tagHint);
  }
  const destination = await destinationOf(args);
  const paths = destination === undefined ? args : args.slice(0, -1);
  const isSingle = destination !== undefined ? !destination.endsWith('/') : options.subject !== undefined;
  if (isSingle) return requestOne(paths, destination, { options, version, shared });
  if (options.subject !== undefined || options.title !== undefined) {
    throw usage(
      `--${options.subject === undefined ? 'title' : 'subject'} is for one profile`,
      'Publish it alone: fairlead push FILE REFERENCE. In fairlead.yaml, a profile can have a subject.',
    );
  }
  if (destination !== undefined) return requestBelow(paths, destination, { options, version, shared });
  return requestProject(paths, { options, version, shared });
}

/** Refuses options about the tags of a version if no profile has one. */
function refuseWithoutVersion({ latest, allowOlder }: PushOptions, profiles: readonly RequestedProfile[]): void {
  const flag = latest ? '--latest' : allowOlder ? '--allow-older' : undefined;
  if (flag === undefined || profiles.some(({ request }) => request.version !== undefined)) return;
  throw usage(
    `${flag} is for the tags of a version, and ${profiles.length === 1 ? 'the profile has' : 'the profiles have'} none`,
    `Add --version VERSION, or leave out ${flag}.`,
  );
}

/** Options and what follows from them. */
interface Context {
  readonly options: PushOptions;
  readonly version: Version | undefined;
  readonly shared: Shared;
}

async function destinationOf(args: readonly string[]): Promise<string | undefined> {
  const last = args.at(-1);
  if (last === undefined) return undefined;
  if (hasScheme(last)) return withoutScheme(last);
  if (args.length === 1) return undefined;
  const isPath = await exists(last);
  if (isPath && namesRegistry(last)) {
    throw usage(
      `${last} is the name of a file or directory here, and looks like a registry`,
      `Write oci://${last} for the registry, or ./${last} for what is here.`,
    );
  }
  return isPath ? undefined : last;
}

function namesRegistry(argument: string): boolean {
  const [registry = '', ...others] = withoutScheme(argument).split('/');
  return others.length > 0 && isRegistry(registry);
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** `push FILE REFERENCE`, and `push FILE --subject IMAGE@DIGEST`. */
async function requestOne(
  paths: readonly string[],
  destination: string | undefined,
  { options, version, shared }: Context,
): Promise<RequestedProfiles> {
  const [file, ...others] = paths;
  if (file === undefined) throw usage('no profile to publish', 'Use fairlead push FILE REFERENCE.');
  if (others.length > 0 || (file !== '-' && (await isDirectory(file)))) {
    throw usage(
      `${destination ?? 'the repository of an image'} is the reference of one profile, not of ${others.length > 0 ? 'several' : 'a directory'}`,
      `End it with /, such as ${quote('registry.example.com/profiles/')}, to publish each under its own name.`,
    );
  }
  const image = options.subject === undefined ? undefined : parseReference(withoutScheme(options.subject));
  if (image !== undefined && image.digest === undefined) {
    throw usage(
      `--subject ${options.subject} has no digest`,
      `Name the image by digest; fairlead inspect --quiet ${options.subject} prints it.`,
    );
  }
  const { registry, repository } = image ?? {};
  const reference: Reference =
    destination !== undefined || registry === undefined || repository === undefined
      ? parseReference(destination ?? '')
      : { registry, repository };
  if (image !== undefined && formatRepository(image) !== formatRepository(reference)) {
    throw usage(
      `${formatRepository(reference)} is not the repository of the image ${formatRepository(image)}`,
      'A profile is found by its image only in the same repository. Leave out the reference.',
    );
  }
  if (options.tag !== undefined && reference.tag !== undefined) {
    throw usage('--tag and the tag of the reference cannot be used together', 'Leave out one of them.');
  }
  const profile: RequestedProfile = {
    name: reference.repository.slice(reference.repository.lastIndexOf('/') + 1),
    file,
    request: {
      ...shared,
      reference: withTag(reference, options.tag),
      source: file === '-' ? 'stdin' : file,
      title: options.title,
      subject: image?.digest,
      ...versionOf(version, options.latest ?? false),
    },
    policy: options.policy,
  };
  return { profiles: [profile], isSingle: true };
}

/** `push PATH… PREFIX/`: each profile to a repository of its own name. */
async function requestBelow(
  paths: readonly string[],
  prefix: string,
  { options, version, shared }: Context,
): Promise<RequestedProfiles> {
  if (version === undefined && options.tag === undefined) {
    throw usage('no version or tag for the profiles', 'Add --version VERSION or --tag TAG.');
  }
  const profiles: RequestedProfile[] = [];
  for (const path of paths) {
    for (const { file, refused, name: below } of await filesOf(path)) {
      const name = profileNameOf(below);
      if (profiles.some((each) => each.name === name)) {
        throw usage(`two profiles have the name ${name}`, 'Publish one of them with its own reference.');
      }
      const reference = withTag(parseReference(`${prefix}${name}`), options.tag);
      const request = { ...shared, reference, source: file, ...versionOf(version, options.latest ?? false) };
      profiles.push({ name, file, refused, request, policy: options.policy });
    }
  }
  if (profiles.length === 0) {
    throw usage(`no profiles in ${paths.join(', ') || 'the arguments'}`, 'Name the files or directories to publish.');
  }
  return { profiles, isSingle: false };
}

async function filesOf(path: string): Promise<readonly DirectoryProfile[]> {
  return (await isDirectory(path)) ? listDirectoryProfiles(path) : [{ file: path, name: basename(path) }];
}

/** `push [PATH…]`: the profiles of a project. */
async function requestProject(
  paths: readonly string[],
  { options, version, shared }: Context,
): Promise<RequestedProfiles> {
  const file = options.project ?? projectFile;
  if (options.project === undefined && !(await exists(file))) {
    const [first = '', last = '', ...others] = paths;
    if (others.length === 0 && last !== '' && !(await exists(first)) && namesRegistry(first)) {
      throw usage(
        `${first} is a reference, and ${last} is a file`,
        `Write the file first: fairlead push ${last} ${first}`,
      );
    }
    throw usage(
      paths.length === 0 ? `there is no ${file} here` : `nothing says where to publish ${paths.join(', ')}`,
      `Use fairlead push FILE REFERENCE, fairlead push PATH… REGISTRY/PREFIX/, or write ${file}.`,
    );
  }
  const { readProject } = await import('../project/read-project.ts');
  const project = await readProject(file, { version, tag: options.tag });
  const selected = selectProfiles(project, paths);
  if (options.username !== undefined) refuseRegistries(selected, options.username);
  if (selected.length === 0) throw usage(`${file} names no profiles`, 'Check the directories in it.');
  warnOfReplaced(
    'FAIRLEAD_POLICY',
    options.policy,
    selected.flatMap(({ policy }) => policy ?? []),
  );
  warnOfReplaced('FAIRLEAD_KEY', options.key, selected.flatMap(signerText));
  const profiles = selected.map((profile): RequestedProfile => {
    const { name, reference, subject, annotations, signer, policy } = profile;
    return {
      name,
      file: profile.file,
      refused: profile.refused,
      request: {
        ...shared,
        reference,
        source: profile.file,
        subject,
        annotations: { ...annotations, ...shared.annotations },
        ...versionOf(profile.version, options.latest ?? project.latest),
        failOn: shared.failOn ?? project.failOn,
        overwrite: project.overwrite && shared.overwrite,
      },
      signer,
      policy: options.policy ?? policy,
      places: {
        file: profile.places.file,
        signer: options.key !== undefined || options.keyless || options.unsigned ? undefined : profile.places.signer,
        policy: options.policy === undefined ? profile.places.policy : undefined,
      },
    };
  });
  return { profiles, isSingle: false };
}

/** Refuses to send one password to several registries. */
function refuseRegistries(profiles: Project['profiles'], username: string): void {
  const registries = [...new Set(profiles.map(({ reference }) => registryName(reference.registry)))];
  if (registries.length < 2) return;
  throw usage(
    `--username ${username} is for one registry, and the profiles are for ${registries.join(', ')}`,
    'Use fairlead login for each of them.',
  );
}

/**
 * Warns that a file that the environment names takes the place of what the project names: another
 * policy may check less, and another key may not be one that nodes trust.
 */
function warnOfReplaced(
  variable: 'FAIRLEAD_KEY' | 'FAIRLEAD_POLICY',
  file: string | undefined,
  named: readonly string[],
): void {
  if (file === undefined || file !== process.env[variable]) return;
  const others = [...new Set(named)].filter((each) => resolve(each) !== resolve(file));
  if (others.length === 0) return;
  writeNote('warning', `${file}, from ${variable}, is used instead of ${others.join(', ')}`);
}

function signerText({ signer }: Project['profiles'][number]): readonly string[] {
  if (signer === undefined) return [];
  return ['key' in signer ? signer.key : 'keyless' in signer ? 'a keyless signature' : 'no signature'];
}

/** Returns the profiles of a project at or below the paths. Without paths, returns all profiles. */
function selectProfiles({ profiles, source }: Project, paths: readonly string[]): Project['profiles'] {
  const selected = new Set<Project['profiles'][number]>();
  for (const path of paths) {
    const root = resolve(path);
    const found = profiles.filter(({ file }) => !/^\.\.(?:\/|$)/.test(relative(root, resolve(file))));
    if (found.length === 0) {
      throw usage(`${source} has no profile ${path}`, `Add it to ${source}, or use fairlead push FILE REFERENCE.`);
    }
    for (const profile of found) selected.add(profile);
  }
  return paths.length === 0 ? profiles : profiles.filter((profile) => selected.has(profile));
}

function versionOf(number: Version | undefined, latest: boolean): Pick<PublishRequest, 'version'> {
  return number === undefined ? {} : { version: { number, latest } };
}

function withTag({ registry, repository, ...rest }: Reference, tag: string | undefined): Reference {
  return { registry, repository, ...rest, ...(tag !== undefined && { tag }) };
}

function usage(message: string, hint: string): FairleadError {
  return new FairleadError('InvalidInput', message, { hint });
}
