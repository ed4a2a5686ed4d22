// Runs everything headless and counts tests: `npm test`, or `npm test -- facts` for the displayed
// figures of KRETS_REPORT alone. The last line is `N passed, N failed`.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const only = process.argv[2];
const folder = mkdtempSync(join(tmpdir(), 'krets-web-'));
let passed = 0;
let failed = 0;

function run(command, env = {}) {
    const child = spawn('npx', ['--no-install', ...command], {
        env: { ...process.env, NO_COLOR: '1', ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (text) => (output += text));
    child.stderr.on('data', (text) => (output += text));
    return new Promise((resolve) => {
        child.on('error', (error) => resolve({ status: 1, output: error.message }));
        child.on('close', (status) => resolve({ status, output }));
    });
}

/** A tool that says yes or no: one test. */
async function check(name, command) {
    const { status, output } = await run(command);
    if (status === 0) passed++;
    else {
        failed++;
        console.log(`FAILED ${name}\n${output}`);
    }
}

/** A test program that writes its counts to a JSON file. */
async function count(name, command, env, read) {
    const file = join(folder, `${name}.json`);
    const { output } = await run(command(file), env(file));
    try {
        const { good, bad } = read(JSON.parse(readFileSync(file, 'utf8')));
        passed += good;
        failed += bad.length;
        if (good + bad.length === 0) throw new Error('no test ran');
        for (const text of bad) console.log(`FAILED ${name}: ${text}`);
    } catch (error) {
        failed++;
        console.log(`FAILED ${name}: ${error.message}\n${output}`);
    }
}

function vitestCounts({ testResults }) {
    const tests = testResults.flatMap((file) => file.assertionResults);
    const bad = tests.filter((one) => one.status !== 'passed');
    const broken = testResults.filter(
        (file) => file.status === 'failed' && !file.assertionResults.length,
    );
    return {
        good: tests.length - bad.length,
        bad: [
            ...bad.map((one) => `${one.fullName}\n${one.failureMessages.join('\n')}`),
            ...broken.map((file) => `${file.name}\n${file.message}`),
        ],
    };
}

function playwrightCounts({ suites, errors }) {
    const specs = [];
    const collect = (suite) => {
        specs.push(...suite.specs);
        (suite.suites ?? []).forEach(collect);
    };
    suites.forEach(collect);
    const reasons = (spec) =>
        spec.tests.flatMap((one) =>
            one.results.flatMap((result) => result.errors.map((e) => e.message)),
        );
    const bad = specs.filter(
        (spec) => !spec.ok || spec.tests.some((one) => one.status === 'skipped'),
    );
    return {
        good: specs.length - bad.length,
        bad: [
            ...bad.map((spec) => `${spec.title}\n${reasons(spec).join('\n')}`),
            ...errors.map((error) => error.message),
        ],
    };
}

// A given report brings its own page.
if (!process.env.KRETS_REPORT) await check('build', ['vite', 'build', '--logLevel', 'warn']);
if (only === undefined) {
    await Promise.all([
        check('svelte-check', ['svelte-check', '--fail-on-warnings']),
        check('eslint', ['eslint', '.', '--max-warnings', '0']),
    ]);
    await Promise.all([
        check('prettier', ['prettier', '--check', '.']),
        count(
            'vitest',
            (file) => ['vitest', 'run', '--reporter=json', `--outputFile=${file}`],
            () => ({}),
            vitestCounts,
        ),
    ]);
}
await count(
    'playwright',
    () => [
        ...['playwright', 'test', '--reporter=json', `--output=${join(folder, 'results')}`],
        ...(only ? [only] : []),
    ],
    (file) => ({ PLAYWRIGHT_JSON_OUTPUT_NAME: file }),
    playwrightCounts,
);
rmSync(folder, { recursive: true });
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
