/** @file The report's style sheet. */

/**
 * CSS for light and dark, for wide and narrow windows, for the keyboard, and for paper. Colors that mean something are of the palette of Okabe and
 * Ito: blue and vermillion for before and after (sky blue and orange in the dark), sky blue and vermillion for boxes.
 */
export const pageStyle = `
:root{--ground:#f6f7f9;--card:#fff;--ink:#1b1f27;--soft:#5c6675;--line:#e2e6ec;--before:#0072b2;--after:#d55e00;--found:#56b4e9;--truth:#d55e00;--warn:#9a4a06;--warn-ground:#fdf0e1}
@media (prefers-color-scheme:dark){:root{--ground:#101317;--card:#191d23;--ink:#e7eaf0;--soft:#98a2b3;--line:#2b313b;--before:#56b4e9;--after:#e69f00;--warn:#fbbf24;--warn-ground:#2e2617}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;-webkit-font-smoothing:antialiased}
main{max-width:1180px;margin:0 auto;padding:40px 20px 60px}
h1{font-size:2rem;line-height:1.2;letter-spacing:-.02em;margin:0 0 .4em}
h1 em{font-style:normal;color:var(--before)}
.lead{font-size:1.1rem;color:var(--soft);max-width:46em;margin:0 0 1.4em}
dl{margin:0}dd{margin:0}
dt{color:var(--soft);font-size:.8rem}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(200px,1fr));gap:14px 28px;padding:16px 0;border-top:1px solid var(--line);border-bottom:1px solid var(--line);margin-bottom:30px;font-size:.92rem}
article{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:22px 24px 16px;margin:0 0 26px;box-shadow:0 1px 2px rgba(16,24,40,.05)}
h2{font-size:1.02rem;margin:0;overflow-wrap:anywhere;color:var(--soft);font-weight:600}
h2 span{font-weight:400}
h2 small{font-weight:600;font-size:.75rem;border:1px solid var(--line);border-radius:99px;padding:2px 9px;margin-left:6px;white-space:nowrap}
h2 small.warn,h2 a.warn{color:var(--warn);border-color:currentColor;background:var(--warn-ground)}
h2 a.warn{font-weight:600;font-size:.75rem;border:1px solid;border-radius:99px;padding:2px 9px;margin-left:6px;white-space:nowrap;text-decoration:none}
.sentence{font-size:1.14rem;line-height:1.45;margin:.3em 0 1em;max-width:60em}
.pictures{display:grid;grid-template-columns:minmax(0,1.25fr) minmax(0,1fr);gap:18px;align-items:start}
.parts{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:14px}
.parts .compare{grid-column:1/-1}
.stack{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:3px}
.ends{display:flex;justify-content:space-between;gap:12px}.ends span:last-child{text-align:right}
.cut{display:none}
.js .stack{grid-template-columns:minmax(0,1fr);cursor:ew-resize;touch-action:pan-y}
.js .stack img{grid-area:1/1}
.js .stack .second{clip-path:inset(0 0 0 var(--cut,50%))}
.js .stack::after{content:"";position:absolute;top:0;bottom:0;left:calc(var(--cut,50%) - 1px);width:2px;background:#fff;box-shadow:0 0 0 1px rgba(0,0,0,.6)}
.js .cut{display:block;width:100%;height:26px;margin:4px 0 0;accent-color:var(--before);cursor:ew-resize}
.ramp{display:block;height:9px;border-radius:3px;margin-top:5px;border:1px solid var(--line)}
.scale{display:flex;justify-content:space-between;font-size:.78rem;color:var(--soft)}
:focus-visible{outline:3px solid var(--before);outline-offset:2px;border-radius:4px}
.skip{position:absolute;left:-999em}.skip:focus{left:12px;top:8px;background:var(--card);padding:6px 10px}
p,dd,li,figcaption{overflow-wrap:anywhere}
figure{margin:0}
.tile{position:relative;border-radius:8px;overflow:hidden;background:#000}
.tile img,.tile svg{display:block;width:100%;height:auto}
.film{display:block;max-width:100%;height:auto;margin-top:10px}
.tile svg{position:absolute;inset:0;height:100%}
.pixels{image-rendering:pixelated}
rect{fill:none;stroke-width:3px;vector-effect:non-scaling-stroke;stroke-linejoin:round;filter:drop-shadow(0 0 1px #000)}
rect.found{stroke:var(--found)}rect.truth{stroke:var(--truth);stroke-dasharray:9 6}
figcaption{font-size:.84rem;color:var(--soft);padding-top:7px;line-height:1.35}
figcaption i{font-style:normal;white-space:nowrap;margin-left:4px}figcaption i::before{content:"";display:inline-block;width:14px;border-top:3px solid;margin-right:4px;vertical-align:middle}
i.found::before{border-color:var(--found)}i.truth::before{border-top-style:dashed;border-color:var(--truth)}i.crop::before{border-color:#fff;box-shadow:0 0 0 1px var(--soft)}
figcaption b{color:var(--ink);font-weight:600;margin-right:2px}
.comparison>.sentence{margin-bottom:.6em}
.method{padding:18px 0;border-top:1px solid var(--line)}
.method h3{font-size:1.06rem;margin:0 0 .3em}.method h3 small{font-size:.75rem;font-weight:600;color:var(--warn);background:var(--warn-ground);border:1px solid;border-radius:99px;padding:2px 9px;margin-left:6px;white-space:nowrap}
.method p{font-size:.94rem;margin:.3em 0 .8em;max-width:60em}.method p.what{color:var(--soft)}
.many .methods{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,310px),1fr));gap:0 28px;align-items:start}.many .pictures{grid-template-columns:minmax(0,1fr);gap:12px}.many .tops{grid-template-columns:minmax(0,1fr)}
.warnings{list-style:none;padding:10px 16px;margin:0 0 26px;border:1px solid var(--warn);border-radius:10px;background:var(--warn-ground);font-size:.92rem}
.warnings li{margin:.3em 0}.warnings b{color:var(--warn);margin-right:6px}
.tops{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:14px 28px;margin-top:16px;align-items:start}.tops>:only-child{max-width:36em}
.confidences{border-collapse:collapse;width:100%;font-size:.92rem;table-layout:fixed}
.confidences th{font-weight:500;text-align:left;padding:4px 10px 4px 0;overflow-wrap:anywhere}
.confidences thead th{color:var(--soft);font-size:.8rem;font-weight:400;padding-bottom:2px}
.confidences .name{width:50%}.confidences .number{width:4.4em}
.confidences caption{text-align:left;color:var(--soft);font-size:.84rem;padding-bottom:3px}.confidences caption b{color:var(--ink)}
.confidences .asked th{font-weight:700}
.bar{padding:0}
.bar span{display:block;height:10px;min-width:2px;border-radius:3px}
.bar{background:linear-gradient(var(--line),var(--line)) center/100% 10px no-repeat}
.before span{background:var(--before)}.after span{background:var(--after)}
.value{font-variant-numeric:tabular-nums;font-size:.84rem;padding-left:8px;white-space:nowrap}
.numbers{margin:.6em 0 1em;color:var(--ink);display:grid;grid-template-columns:repeat(auto-fill,minmax(148px,1fr));gap:8px 18px}
.numbers dd{font-variant-numeric:tabular-nums;font-size:.92rem}
details{margin-top:14px;border-top:1px solid var(--line);padding-top:8px;color:var(--soft);font-size:.84rem;overflow-wrap:anywhere}
summary{cursor:pointer}details p{margin:.5em 0}
a{color:var(--before)}
.failed{border-left:3px solid var(--warn);padding:2px 18px;margin-bottom:26px}.failed ul{padding-left:18px}
footer{color:var(--soft);font-size:.82rem;overflow-wrap:anywhere}footer p{margin:.3em 0}
article{content-visibility:auto;contain-intrinsic-size:auto 860px}
@media (max-width:760px){.facts{grid-template-columns:1fr}.pictures{grid-template-columns:minmax(0,1fr)}main{padding:24px 12px}article{padding:16px 14px}h1{font-size:1.55rem;overflow-wrap:anywhere}}
@media (min-width:761px) and (max-width:1000px){.pictures .tops{grid-template-columns:minmax(0,1fr)}}
@media (max-width:560px){.tops{grid-template-columns:minmax(0,1fr)}}
@media (prefers-contrast:more){:root{--soft:var(--ink);--line:currentColor}}
@media print{:root{--ground:#fff;--card:#fff;--ink:#000;--soft:#333;--line:#bbb;--before:#0072b2;--after:#d55e00;--warn:#9a4a06;--warn-ground:#fff}body{background:#fff}article{content-visibility:visible;break-inside:avoid;box-shadow:none}.method{break-inside:avoid}details,.cut,.skip{display:none!important}.js .stack{grid-template-columns:repeat(2,minmax(0,1fr))}.js .stack img{grid-area:auto}.js .stack .second{clip-path:none}.js .stack::after{display:none}.bar span,.ramp,.tile{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
`;
