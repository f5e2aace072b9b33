/**
 * What a view returns, painted onto the page with as few changes as possible: a screen runs for months, and nothing may
 * grow, blink or lose the keyboard's place because a number changed.
 *
 * @typedef {{tag: string, props: Record<string, any>, kids: Array<Painted | string>, key?: string}} Painted
 */

const SVG = "http://www.w3.org/2000/svg";
const AS_PROPERTY = new Set(["value", "checked"]);

/**
 * Describe an element. `on` holds listeners, `style` custom properties; null and false are left out.
 * @returns {Painted}
 */
export function h(tag, props, ...kids) {
  const given = props ?? {};
  const told = kids.flat(Infinity).filter((kid) => kid !== null && kid !== undefined && kid !== false && kid !== "");
  return { tag, props: given, kids: told.map((kid) => (typeof kid === "object" ? kid : String(kid))), key: given.key };
}

/** Make the children of an element what was described. The same description again costs nothing. */
export function paint(parent, kids) {
  const wanted = new Set();
  for (const kid of kids) if (kid.key !== undefined) wanted.add(kid.key);
  const keyed = new Map();
  for (let node = parent.firstChild; node; ) {
    const next = node.nextSibling;
    const key = node.painted?.key;
    if (key !== undefined && !wanted.has(key)) node.remove();
    else if (key !== undefined) keyed.set(key, node);
    node = next;
  }
  let at = parent.firstChild;
  for (const kid of kids) {
    if (typeof kid === "string") {
      if (at?.nodeType === Node.TEXT_NODE) {
        if (at.data !== kid) at.data = kid;
        at = at.nextSibling;
      } else parent.insertBefore(document.createTextNode(kid), at);
      continue;
    }
    let node = kid.key === undefined ? unkeyed(at, kid) : keyed.get(kid.key);
    if (node && node.painted.tag !== kid.tag) node = undefined;
    if (!node) parent.insertBefore((node = create(kid, parent)), at);
    else if (node === at) at = at.nextSibling;
    else move(parent, node, at);
    update(node, kid);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function unkeyed(at, kid) {
  return at?.painted && at.painted.key === undefined && at.painted.tag === kid.tag ? at : undefined;
}

function create(kid, parent) {
  const inSvg = kid.tag === "svg" || (parent.namespaceURI === SVG && parent.localName !== "foreignObject");
  const node = inSvg ? document.createElementNS(SVG, kid.tag) : document.createElement(kid.tag);
  node.painted = { tag: kid.tag, props: {}, kids: [], key: kid.key };
  return node;
}

/** Move a node and keep what has the keyboard, where the browser can. */
function move(parent, node, before) {
  if (parent.moveBefore && node.isConnected && parent.isConnected) parent.moveBefore(node, before);
  else parent.insertBefore(node, before);
}

function update(node, kid) {
  const was = node.painted;
  if (was === kid) return;
  for (const name of Object.keys(was.props)) if (!(name in kid.props)) set(node, name, null, was.props[name]);
  for (const [name, value] of Object.entries(kid.props)) set(node, name, value, was.props[name]);
  node.painted = kid;
  paint(node, kid.kids);
}

function set(node, name, value, was) {
  if (name === "key") return;
  if (name === "on") return listen(node, value ?? {});
  if (name === "style") return restyle(node, value ?? {}, was ?? {});
  if (AS_PROPERTY.has(name)) {
    if (node[name] !== value) node[name] = value ?? "";
  } else if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else if (value !== was) node.setAttribute(name, value === true ? "" : String(value));
}

function restyle(node, value, was) {
  for (const name of Object.keys(was)) if (!(name in value)) node.style.removeProperty(name);
  for (const [name, told] of Object.entries(value)) if (told !== was[name]) node.style.setProperty(name, String(told));
}

function listen(node, on) {
  const had = node.listens ?? (node.listens = new Set());
  node.hears = on;
  for (const kind of Object.keys(on)) {
    if (had.has(kind)) continue;
    had.add(kind);
    node.addEventListener(kind, (event) => node.hears[kind]?.(event));
  }
}
