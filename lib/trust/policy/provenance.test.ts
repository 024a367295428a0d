import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FairleadError } from '#lib/errors';
import { buildProvenance } from '../sign/build-provenance.ts';
import { builtFrom, type ExpectedProvenance, provenanceProblem } from './provenance.ts';

const githubEnvironment = {
  GITHUB_ACTIONS: 'true',
  GITHUB_SERVER_URL: 'https://github.com',
  GITHUB_REPOSITORY: 'acme/profiles',
  GITHUB_WORKFLOW_REF: 'acme/profiles/.github/workflows/publish.yml@refs/tags/v1',
  GITHUB_REF: 'refs/tags/v1',
  GITHUB_SHA: '0123456789abcdef0123456789abcdef01234567',
  GITHUB_EVENT_NAME: 'push',
  GITHUB_REPOSITORY_ID: '1',
  GITHUB_REPOSITORY_OWNER_ID: '2',
  GITHUB_RUN_ID: '3',
  GITHUB_RUN_ATTEMPT: '4',
  RUNNER_ENVIRONMENT: 'github-hosted',
};

const gitlabEnvironment = {
  GITLAB_CI: 'true',
  CI_PROJECT_URL: 'https://gitlab.com/acme/profiles',
  CI_COMMIT_BRANCH: 'main',
  CI_COMMIT_REF_NAME: 'main',
  CI_COMMIT_SHA: '0123456789abcdef0123456789abcdef01234567',
  CI_CONFIG_PATH: '.gitlab-ci.yml',
  CI_PIPELINE_SOURCE: 'push',
  CI_PIPELINE_ID: '1',
  CI_JOB_NAME: 'publish',
  CI_JOB_ID: '2',
  CI_JOB_URL: 'https://gitlab.com/acme/profiles/-/jobs/2',
  CI_RUNNER_ID: '3',
};

const exact = (facts: Record<string, string>): ExpectedProvenance =>
  Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, { exact: value }]));

describe('the provenance of a job', () => {
  it('of GitHub Actions has the repository, commit, workflow and builder, in the form of its own attestations', () => {
    const provenance = buildProvenance(githubEnvironment);
    assert.deepEqual(provenance, {
      buildDefinition: {
        buildType: 'https://actions.github.io/buildtypes/workflow/v1',
        externalParameters: {
          workflow: {
            ref: 'refs/tags/v1',
            repository: 'https://github.com/acme/profiles',
            path: '.github/workflows/publish.yml',
          },
        },
        internalParameters: {
          github: {
            event_name: 'push',
            repository_id: '1',
            repository_owner_id: '2',
            runner_environment: 'github-hosted',
          },
        },
        resolvedDependencies: [
          {
            uri: 'git+https://github.com/acme/profiles@refs/tags/v1',
            digest: { gitCommit: '0123456789abcdef0123456789abcdef01234567' },
          },
        ],
      },
      runDetails: {
        builder: { id: 'https://github.com/acme/profiles/.github/workflows/publish.yml@refs/tags/v1' },
        metadata: { invocationId: 'https://github.com/acme/profiles/actions/runs/3/attempts/4' },
      },
    });
    const expected = exact({
      builder: 'https://github.com/acme/profiles/.github/workflows/publish.yml@refs/tags/v1',
      repository: 'https://github.com/acme/profiles',
      ref: 'refs/tags/v1',
      workflow: '.github/workflows/publish.yml',
    });
    assert.equal(provenanceProblem(provenance, expected), undefined);
    assert.equal(provenanceProblem(provenance, { ref: { pattern: 'refs/tags/*' } }), undefined);
  });

  it('of GitLab CI has the same', () => {
    const expected = {
      builder: 'https://gitlab.com/acme/profiles/-/runners/3',
      repository: 'https://gitlab.com/acme/profiles',
      workflow: '.gitlab-ci.yml',
    };
    const branch = buildProvenance(gitlabEnvironment);
    assert.equal(provenanceProblem(branch, exact({ ...expected, ref: 'refs/heads/main' })), undefined);
    const { CI_COMMIT_BRANCH: _, ...environment } = gitlabEnvironment;
    const tag = buildProvenance({ ...environment, CI_COMMIT_TAG: 'v1', CI_COMMIT_REF_NAME: 'v1' });
    assert.equal(provenanceProblem(tag, exact({ ...expected, ref: 'refs/tags/v1' })), undefined);
    assert.match(JSON.stringify(tag), /git\+https:\/\/gitlab\.com\/acme\/profiles@refs\/tags\/v1/);
  });

  it('is created only from a complete environment of a known CI', () => {
    const refuses = (env: NodeJS.ProcessEnv, message: RegExp): void =>
      assert.throws(
        () => buildProvenance(env),
        (error) => error instanceof FairleadError && error.kind === 'InvalidInput' && message.test(error.message),
      );
    refuses({}, /unknown CI system/);
    for (const name of Object.keys(githubEnvironment).slice(1)) {
      refuses({ ...githubEnvironment, [name]: '' }, new RegExp(`GitHub Actions has not set ${name}`));
    }
    refuses({ ...githubEnvironment, GITHUB_WORKFLOW_REF: 'publish.yml' }, /invalid GITHUB_WORKFLOW_REF/);
    refuses({ ...gitlabEnvironment, CI_COMMIT_SHA: undefined }, /GitLab CI has not set CI_COMMIT_SHA/);
  });
});

describe('provenanceProblem', () => {
  const provenance = buildProvenance(githubEnvironment);

  it('reports the first fact that differs or is missing', () => {
    const problem = (expected: ExpectedProvenance, of: unknown = provenance) => provenanceProblem(of, expected);
    assert.equal(
      problem(exact({ repository: 'https://github.com/acme/profile' })),
      'the repository in its provenance is "https://github.com/acme/profiles"',
    );
    assert.match(
      problem(exact({ builder: 'https://github.com/acme' })) ?? '',
      /the builder in its provenance is "https/,
    );
    assert.match(problem({ ref: { pattern: 'refs/heads/*' } }) ?? '', /the ref in its provenance is "refs\/tags\/v1"/);
    const silent = { buildDefinition: { externalParameters: {} }, runDetails: { builder: { id: 'b' } } };
    for (const fact of ['repository', 'ref', 'workflow']) {
      assert.equal(problem(exact({ [fact]: '' }), silent), `its provenance names no ${fact}`);
      assert.equal(problem({ [fact]: { pattern: 'x**' } }, silent), `its provenance names no ${fact}`);
    }
  });

  it('returns a problem for any other JSON, and never throws', () => {
    const wanted = exact({ repository: 'https://github.com/acme/profiles' });
    const parameters = fc.oneof(fc.jsonValue(), fc.record({ workflow: fc.jsonValue(), variables: fc.jsonValue() }));
    const shaped = fc.record({
      buildDefinition: fc.record({ externalParameters: parameters }),
      runDetails: fc.record({ builder: fc.record({ id: fc.string() }) }),
    });
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), shaped), (value) => {
        assert.equal(typeof provenanceProblem(value, wanted), 'string');
      }),
    );
  });

  it('reads the facts of one form, and none of another form', () => {
    const variables = { CI_COMMIT_BRANCH: 'main', CI_CONFIG_PATH: 'p.yml' };
    const source = 'https://gitlab.com/acme/profiles';
    const mixed = {
      buildDefinition: { externalParameters: { workflow: { path: 'p.yml' }, source, variables } },
      runDetails: { builder: { id: 'x' } },
    };
    assert.match(provenanceProblem(mixed, exact({ repository: source })) ?? '', /names no repository/);
    assert.match(provenanceProblem(mixed, exact({ ref: 'refs/heads/main' })) ?? '', /names no ref/);
    assert.equal(provenanceProblem(mixed, exact({ workflow: 'p.yml' })), undefined);
  });

  it('refuses anything else as provenance', () => {
    for (const other of [undefined, null, 'x', [], {}, { buildDefinition: {}, runDetails: {} }]) {
      assert.equal(provenanceProblem(other, {}), 'it is not SLSA provenance v1');
    }
  });
});

describe('builtFrom', () => {
  it('returns builder, source and commit of GitHub Actions and GitLab CI', () => {
    const commit = '0123456789abcdef0123456789abcdef01234567';
    assert.deepEqual(builtFrom(buildProvenance(githubEnvironment)), {
      builder: 'https://github.com/acme/profiles/.github/workflows/publish.yml@refs/tags/v1',
      source: 'git+https://github.com/acme/profiles@refs/tags/v1',
      commit,
    });
    assert.deepEqual(builtFrom(buildProvenance(gitlabEnvironment)), {
      builder: 'https://gitlab.com/acme/profiles/-/runners/3',
      source: 'git+https://gitlab.com/acme/profiles@refs/heads/main',
      commit,
    });
  });

  it('returns the builder alone if no dependency is a commit, and nothing for anything else', () => {
    const predicate = {
      buildDefinition: { resolvedDependencies: [{ uri: 'pkg:npm/a@1', digest: { sha512: 'ab' } }, { uri: 'x' }] },
      runDetails: { builder: { id: 'b' } },
    };
    assert.deepEqual(builtFrom(predicate), { builder: 'b' });
    assert.deepEqual(builtFrom({ buildDefinition: {}, runDetails: { builder: { id: 'b' } } }), { builder: 'b' });
    fc.assert(fc.property(fc.json(), (text) => assert.equal(builtFrom(JSON.parse(text)), undefined)));
  });
});
