// SPDX-License-Identifier: GPL-2.0-only
// page.mjs PAGE [FOLDER]: looks at a report in headless Chromium as page.sh says. Pictures go to FOLDER.
import { strict as assert } from 'node:assert';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(import.meta.url);
const { chromium } = require('playwright-core');
const axe = require('axe-core');

const [page_file, folder] = process.argv.slice(2);
const url = pathToFileURL(page_file).href;
const quiet = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
	'--disable-component-update', '--disable-sync'];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: quiet });
const sizes = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };

// A page of its own, which fails by what it loads or what goes wrong in it.
async function opened(options, hash = '') {
	const context = await browser.newContext(options);
	const page = await context.newPage();
	const wrong = [];
	page.on('request', (request) => request.url().split('#')[0] === url || wrong.push(`it loads ${request.url()}`));
	page.on('console', (message) => ['error', 'warning'].includes(message.type()) && wrong.push(message.text()));
	page.on('pageerror', (error) => wrong.push(String(error)));
	await page.goto(url + hash);
	return { page, close: async () => { assert.deepEqual(wrong, []); await context.close(); } };
}
const open_all = (page) => page.evaluate(() => document.querySelectorAll('details').forEach((d) => { d.open = true; }));
const active = (page) => page.evaluate(() => {
	const at = document.activeElement;
	const style = getComputedStyle(at);
	return { tag: at.tagName, id: at.id, name: at.className, ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 };
});

// Size and colours: nothing is wider than the screen, and axe finds nothing.
for (const [size, viewport] of Object.entries(sizes)) {
	for (const colorScheme of ['light', 'dark']) {
		const { page, close } = await opened({ viewport, colorScheme });
		if (folder) {
			await page.screenshot({ path: `${folder}/${size}-${colorScheme}.png`, fullPage: true });
		}
		await open_all(page);
		const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
		assert(wide <= 0, `${size}: the page is ${wide} pixels wider than the screen`);
		// What is wider than its box, of some, comes into sight by the arrow keys.
		const boxes = await page.locator('.scroll').evaluateAll((all) => all.map((box) => box.scrollWidth - box.clientWidth));
		const wider = [...boxes.keys()].filter((at) => boxes[at] > 0);
		for (const at of new Set([...wider.slice(0, 2), ...wider.slice(-1)])) {
			const box = page.locator('.scroll').nth(at);
			const rest = () => box.evaluate((b) => b.scrollWidth - b.clientWidth - b.scrollLeft);
			await box.focus();
			// It moves a while after each.
			for (let pressed = 0; pressed < 20 + boxes[at] / 10 && await rest() > 1; pressed++) {
				await page.keyboard.press('ArrowRight', { delay: 20 });
			}
			const left = await rest();
			assert(left <= 1, `${size}: of what a box holds ${left} pixels can't be scrolled to`);
		}
		await page.addScriptTag({ content: axe.source });
		const { violations, passes } = await page.evaluate(() => globalThis.axe.run());
		const found = violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200)).join(' | ')}`);
		assert.deepEqual(found, [], `${size}, ${colorScheme}`);
		assert(passes.length > 10, `${size}: axe checked ${passes.length} rules`);
		console.log(`${size}, ${colorScheme}: as wide as the screen, ${wider.length} of ${boxes.length} boxes scroll, ${passes.length} rules of axe pass`);
		await close();
	}
}

// By keyboard alone.
{
	const { page, close } = await opened({ viewport: sizes.desktop });
	await page.keyboard.press('Tab');
	assert.equal((await active(page)).name, 'skip');
	const wanted = await page.evaluate(() => [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')]
		.filter((e) => e.checkVisibility()).length);
	const reached = new Set();
	for (let i = 0; i < wanted; i++) {
		const at = await active(page);
		assert(at.ring, `${at.tag} ${at.name} does not show that it has the focus`);
		reached.add(await page.evaluate(() => {
			globalThis.seen ??= [];
			const at = document.activeElement;
			return globalThis.seen.includes(at) ? globalThis.seen.indexOf(at) : globalThis.seen.push(at) - 1;
		}));
		await page.keyboard.press('Tab');
	}
	assert.equal(reached.size, wanted, 'all that can be used has the focus once');
	await page.locator('summary').first().focus();
	const group = page.locator('details').first();
	const before = await group.evaluate((d) => d.open);
	await page.keyboard.press('Enter');
	assert.equal(await group.evaluate((d) => d.open), !before);
	console.log(`by keyboard: ${wanted} elements are reached and show it, Enter opens`);
	await close();
}

// Filters, and a link into a closed group.
{
	const { page, close } = await opened({ viewport: sizes.phone });
	const names = await page.locator('.case').evaluateAll((all) => all.map((c) => [c.dataset.name, c.dataset.kind, c.id]));
	assert(names.length > 0, 'there is a case');
	const word = names[0][0].split('.').pop();
	const count = (fits) => `${names.filter(fits).length} of ${names.length} cases`;
	const shown = page.locator('#shown');
	await page.locator('#filter-text').fill(word);
	assert.equal(await shown.textContent(), count(([name]) => name.toLowerCase().includes(word.toLowerCase())));
	await page.locator('#filter-text').fill('');
	await page.locator('#filter-verdict').selectOption('failure');
	assert.equal(await shown.textContent(), count(([, kind]) => kind === 'failure'));
	await page.locator('#filter-verdict').selectOption('');
	assert.equal(await shown.textContent(), count(() => true));
	// Each link, while a filter hides all cases.
	const links = await page.evaluate(async () => {
		const all = new Set([...document.querySelectorAll('a[href^="#"]')].map((a) => a.getAttribute('href')));
		const text = document.getElementById('filter-text');
		const dead = [];
		for (const link of all) {
			text.value = 'no case has such a name';
			text.dispatchEvent(new Event('input'));
			const followed = new Promise((done) => { addEventListener('hashchange', done, { once: true }); });
			location.hash = link;
			await followed;
			if (!document.getElementById(decodeURIComponent(link.slice(1)))?.checkVisibility()) {
				dead.push(link);
			}
		}
		return { count: all.size, dead };
	});
	assert.deepEqual(links.dead, [], 'links lead to what is shown');
	// Without a filter nothing is hidden, also what has no case.
	await page.locator('#filter-text').fill('');
	assert.equal(await page.locator('.group[hidden]').count(), 0);
	console.log(`filters: ${names.length} cases, a word, failures, all again; ${links.count} links open what they lead to`);
	await close();
}

// Pictures say in words what they show; commands can be copied.
{
	const { page, close } = await opened({ viewport: sizes.desktop });
	const pictures = await page.locator('svg[role=img]').evaluateAll((all) => all.map((p) => p.getAttribute('aria-label')));
	assert(pictures.every((label) => label.length > 10), 'each has a description');
	const button = page.locator('.command button').first();
	if (await button.count()) {
		await button.click();
		// The clipboard answers when it likes.
		await page.waitForFunction((b) => ['copied', 'selected'].includes(b.textContent), await button.elementHandle());
	}
	if (folder && await page.locator('.failure svg').count()) {
		await page.locator('.failure').first().screenshot({ path: `${folder}/failure.png` });
	}
	console.log(`pictures: ${pictures.length}, each with a description`);
	await close();
}

// Without scripts everything is there but filters.
{
	const { page, close } = await opened({ javaScriptEnabled: false });
	assert.equal(await page.locator('#filters').isVisible(), false);
	assert.equal(await page.locator('.command button:visible').count(), 0);
	assert(await page.locator('main table').first().isVisible());
	await page.locator('.group > summary').first().click();
	assert(await page.locator('.group .group > summary').first().isVisible());
	console.log('without scripts: the matrix and all cases are there');
	await close();
}
await browser.close();
