/** @file The report's style sheet. */

/** CSS for light and dark, for wide and narrow windows, and for paper. */
export const pageStyle = `
:root{--ground:#f6f7f9;--card:#fff;--ink:#1b1f27;--soft:#5c6675;--line:#e2e6ec;--before:#3f7fd6;--after:#e0823a;--found:#2ecc71;--truth:#e74c3c;--warn:#b45309}
@media (prefers-color-scheme:dark){:root{--ground:#101317;--card:#191d23;--ink:#e7eaf0;--soft:#98a2b3;--line:#2b313b;--before:#6aa3ef;--after:#f0a05f;--warn:#fbbf24}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;-webkit-font-smoothing:antialiased}
main{max-width:1180px;margin:0 auto;padding:40px 20px 60px}
h1{font-size:2rem;line-height:1.2;letter-spacing:-.02em;margin:0 0 .4em}
h1 em{font-style:normal;color:var(--before)}
.lead{font-size:1.1rem;color:var(--soft);max-width:46em;margin:0 0 1.4em}
dl{margin:0}dd{margin:0}
dt{color:var(--soft);font-size:.8rem}
.facts{display:grid;grid-template-columns:1fr 1.7fr 1.2fr 1fr;gap:14px 28px;padding:16px 0;border-top:1px solid var(--line);border-bottom:1px solid var(--line);margin-bottom:30px;font-size:.92rem}
article{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:22px 24px 16px;margin:0 0 26px;box-shadow:0 1px 2px rgba(16,24,40,.05)}
h2{font-size:1.02rem;margin:0;overflow-wrap:anywhere;color:var(--soft);font-weight:600}
h2 span{font-weight:400;opacity:.75}
h2 small{font-weight:600;font-size:.75rem;border:1px solid var(--line);border-radius:99px;padding:2px 9px;margin-left:6px;white-space:nowrap}
h2 small.warn{color:var(--warn);border-color:currentColor}
.sentence{font-size:1.14rem;line-height:1.45;margin:.3em 0 1em;max-width:60em}
.tiles{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:12px}
figure{margin:0}
.tile{position:relative;border-radius:8px;overflow:hidden;background:#000}
.tile img,.tile svg{display:block;width:100%;height:auto}
.tile svg{position:absolute;inset:0;height:100%}
.pixels{image-rendering:pixelated}
rect{fill:none;stroke-width:3px;vector-effect:non-scaling-stroke;stroke-linejoin:round;filter:drop-shadow(0 0 1px #000)}
rect.found{stroke:var(--found)}rect.truth{stroke:var(--truth)}
figcaption{font-size:.84rem;color:var(--soft);padding-top:7px;line-height:1.35}
figcaption i{font-style:normal;white-space:nowrap;margin-left:4px}figcaption i::before{content:"";display:inline-block;width:14px;border-top:3px solid;margin-right:4px;vertical-align:middle}
i.found::before{border-color:var(--found)}i.truth::before{border-color:var(--truth)}
figcaption b{color:var(--ink);font-weight:600;margin-right:2px}
.comparison header{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,3.2fr);gap:20px;align-items:center;margin-bottom:18px}
.method{display:grid;grid-template-columns:minmax(0,1.15fr) repeat(3,minmax(0,1fr));gap:14px;padding:16px 0;border-top:1px solid var(--line)}
.method.whole{grid-template-columns:minmax(0,1.15fr) minmax(0,3fr)}
.method h3{font-size:1.02rem;margin:0 0 .3em}.method h3 small{font-size:.75rem;color:var(--warn);font-weight:600}
.method p{font-size:.9rem;margin:.3em 0;color:var(--soft)}.method .brief{font-variant-numeric:tabular-nums;color:var(--ink)}
.method details{margin-top:8px}
.row{display:block;width:100%;height:auto;border-radius:8px}
.details{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:18px 36px;margin-top:18px;align-items:start}
.confidences{border-collapse:collapse;width:100%;font-size:.92rem;table-layout:fixed}
.confidences th{font-weight:500;text-align:left;padding:4px 10px 4px 0;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.confidences thead th{color:var(--soft);font-size:.8rem;font-weight:400;padding-bottom:2px}
.confidences .name{width:30%}.confidences .scale{width:24%}
.bar{padding:0}
.bar span{display:block;height:10px;min-width:2px;border-radius:3px}
.bar{background:linear-gradient(var(--line),var(--line)) center/100% 10px no-repeat}
.before span{background:var(--before)}.after span{background:var(--after)}
.value{font-variant-numeric:tabular-nums;font-size:.84rem;padding-left:8px;white-space:nowrap}
.numbers{display:grid;grid-template-columns:repeat(auto-fill,minmax(148px,1fr));gap:8px 18px}
.numbers dd{font-variant-numeric:tabular-nums;font-size:.92rem}
details{margin-top:14px;border-top:1px solid var(--line);padding-top:8px;color:var(--soft);font-size:.84rem;overflow-wrap:anywhere}
summary{cursor:pointer}details p{margin:.5em 0}
a{color:var(--before)}
.failed{border-left:3px solid var(--warn);padding:2px 18px;margin-bottom:26px}.failed ul{padding-left:18px}
footer{color:var(--soft);font-size:.82rem}footer p{margin:.3em 0}
@media (max-width:760px){.facts{grid-template-columns:1fr}.tiles{grid-template-columns:repeat(2,minmax(0,1fr))}.method{grid-template-columns:repeat(3,minmax(0,1fr))}.method>div{grid-column:1/-1}.details{grid-template-columns:minmax(0,1fr)}main{padding:24px 12px}article{padding:16px}}
@media print{body{background:#fff}article{break-inside:avoid;box-shadow:none}details{display:none}}
`;
