// SPDX-License-Identifier: GPL-2.0-only
'use strict';
{
	const cases = [...document.querySelectorAll('.case')];
	const text = document.getElementById('filter-text');
	const cell = document.getElementById('filter-cell');
	const verdict = document.getElementById('filter-verdict');
	const shown = document.getElementById('shown');

	const filter = () => {
		const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
		const narrow = words.length > 0 || cell.value !== '' || verdict.value !== '';
		let count = 0;
		for (const item of cases) {
			const name = item.dataset.name.toLowerCase();
			const fits = (cell.value === '' || item.dataset.cell === cell.value)
				&& (verdict.value === '' || item.dataset.verdict === verdict.value || item.dataset.kind === verdict.value)
				&& words.every((word) => name.includes(word));
			item.hidden = !fits;
			count += fits;
		}
		// Innermost first: what has nothing to show goes, but nobody has narrowed away a boot that has no case.
		for (const group of [...document.querySelectorAll('.group')].reverse()) {
			group.hidden = narrow && group.querySelector('.case:not([hidden])') === null;
			if (narrow && !group.hidden && count <= 200) {
				group.open = true;
			}
		}
		shown.textContent = `${count} of ${cases.length} cases`;
	};
	if (text) {
		for (const input of [text, cell, verdict]) {
			input.addEventListener('input', filter);
		}
		document.getElementById('filters').hidden = false;
		filter();
	}

	// A link to something inside of closed groups opens them, and ends filters that hide it.
	const reveal = () => {
		const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
		if (text && target?.closest('[hidden]')) {
			for (const input of [text, cell, verdict]) {
				input.value = '';
			}
			filter();
		}
		for (let at = target; at; at = at.parentElement) {
			if (at instanceof HTMLDetailsElement) {
				at.open = true;
			}
		}
		target?.scrollIntoView();
	};
	addEventListener('hashchange', reveal);
	reveal();

	for (const button of document.querySelectorAll('.command button')) {
		const code = button.parentElement.querySelector('code');
		button.hidden = false;
		button.addEventListener('click', async () => {
			try {
				await navigator.clipboard.writeText(code.textContent);
				button.textContent = 'copied';
			} catch {
				// A page from a file may not write there: the text is selected instead.
				getSelection().selectAllChildren(code);
				button.textContent = 'selected';
			}
		});
	}
}
