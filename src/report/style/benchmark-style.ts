/** @file What pages of benchmarks need beyond the style of all pages. */

/** CSS; follows `pageStyle`. */
export const benchmarkStyle = `
main{max-width:1240px}
section{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:22px 24px;margin:0 0 26px;box-shadow:0 1px 2px rgba(16,24,40,.05)}
section>h2{font-size:1.25rem;color:var(--ink);margin:0 0 .3em;letter-spacing:-.01em}
section>p{margin:.2em 0 1em;color:var(--soft);max-width:62em}
.scroll{overflow-x:auto}
table.results{border-collapse:collapse;width:100%;font-size:.92rem;font-variant-numeric:tabular-nums}
.results th{font-weight:600;text-align:right;padding:6px 10px;border-bottom:2px solid var(--line);white-space:nowrap}
.results th small{display:block;font-weight:400;color:var(--soft);font-size:.75rem}
.results th:first-child,.results td:first-child{text-align:left;padding-left:0;position:sticky;left:0;z-index:1;background:var(--card)}
.results td{text-align:right;padding:6px 10px;border-bottom:1px solid var(--line);white-space:nowrap}
.results td small{color:var(--soft);font-size:.78rem;margin-left:4px}
.results tr.baseline td{color:var(--soft);font-style:italic}
.results tr.baseline:not(.baseline + .baseline) td{border-top:2px solid var(--line)}
.results td.best>b{background:rgba(86,180,233,.28);border-radius:5px;padding:1px 5px;margin:0 -5px}
.results td.behind>b{background:rgba(230,159,0,.26);border-radius:5px;padding:1px 5px;margin:0 -5px}
.results sup{color:var(--warn);font-weight:600}
.reach{position:relative;display:block;height:5px;margin-top:3px;border-radius:3px;background:var(--line)}
.reach i{position:absolute;top:0;height:5px;border-radius:3px;background:var(--before);opacity:.45}
.reach b{position:absolute;top:-2px;width:3px;height:9px;border-radius:2px;background:var(--before)}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(440px,1fr));gap:18px}
.plots figure{background:#fff;border:1px solid var(--line);border-radius:10px;padding:10px}
.plots figcaption,.figure figcaption{color:var(--soft);font-size:.84rem;padding:6px 4px 0}
.plots figcaption{color:#5c6675}.plots figcaption b{color:#1b1f27}
.plots svg,.figure svg{display:block;width:100%;height:auto}
.figure{overflow-x:auto}
.figure .sheet{background:#fff;border:1px solid var(--line);border-radius:10px;padding:10px;min-width:720px}
@media (max-width:560px){.plots{grid-template-columns:minmax(0,1fr)}.plots figure{overflow-x:auto}.plots svg{min-width:440px}section{padding:18px 16px}.results th:first-child,.results td:first-child{white-space:normal;min-width:6.5em;max-width:8em}}
@media print{section{break-inside:auto;box-shadow:none}h2{break-after:avoid}.scroll,.figure{overflow:visible}table.results{font-size:.68rem}.results th,.results td{white-space:normal;padding:4px 5px}.results th small,.results td small{font-size:.6rem}.results td small{white-space:nowrap}.results tr,.plots figure{break-inside:avoid}.figure .sheet{min-width:0}}
`;
