/**
 * What happens on the server, as it happens: one event stream per page. It is closed while nobody looks at the page
 * (a browser holds only six connections to one server) and everything is read anew when people come back.
 */
const RECONNECT_MS = 1000;

export class Live {
  /**
   * @param {string} path of the stream
   * @param {Record<string, (data: object) => void>} handlers by name of event
   * @param {(isOpen: boolean, isAgain: boolean) => void} onState called when the connection opens or is lost
   */
  constructor(path, handlers, onState) {
    Object.assign(this, { path, handlers, onState, opened: 0 });
    document.addEventListener("visibilitychange", () => (document.hidden ? this.close() : this.open()));
    this.open();
  }

  open() {
    if (this.source) return;
    this.source = new EventSource(this.path);
    this.source.onopen = () => this.onState(true, this.opened++ > 0);
    this.source.onerror = () => {
      this.onState(false, this.opened > 0);
      this.close();
      clearTimeout(this.retry);
      this.retry = setTimeout(() => { if (!document.hidden) this.open(); }, RECONNECT_MS);
    };
    for (const [name, handler] of Object.entries(this.handlers)) this.source.addEventListener(name, (event) => handler(JSON.parse(event.data)));
  }

  close() {
    this.source?.close();
    this.source = null;
  }
}
