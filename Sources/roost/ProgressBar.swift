import Core

/// Rate, share and time left, on standard error where that is a terminal; otherwise silent.
struct ProgressBar {
    /// Nil: how much there is cannot be known, as of a pipe.
    private let total: Int64?
    private let unit: String
    private let clock: any TimeSource
    private let started: Int64
    private var shown: Int64
    private let isVisible: Bool
    private var last = (done: Int64(0), units: Int64(0))

    private static let interval = Microseconds.second / 5

    init(
        total: Int64?, unit: String, clock: any TimeSource = SystemTime(),
        isVisible: Bool = Terminal.errorIsTerminal
    ) {
        self.total = total
        self.unit = unit
        self.clock = clock
        self.isVisible = isVisible
        started = clock.monotonic()
        shown = started - Self.interval
    }

    /// - Parameters:
    ///   - done: out of `total`, such as bytes.
    ///   - units: what is counted for the person, such as lines.
    mutating func update(done: Int64, units: Int64) {
        last = (done, units)
        guard isVisible else { return }
        let now = clock.monotonic()
        guard now - shown >= Self.interval else { return }
        shown = now
        draw(at: now, ending: "")
    }

    /// Shows the last figures for good.
    mutating func finish() {
        if isVisible { draw(at: clock.monotonic(), ending: "\n") }
    }

    /// Takes the bar away, so that a line can be written in its place.
    func clear() {
        if isVisible { Terminal.complain("\r\u{1B}[K") }
    }

    private func draw(at now: Int64, ending: String) {
        let seconds = Double(now - started) / 1e6
        let text = Self.text(
            done: last.done, total: total, units: last.units, unit: unit, seconds: seconds,
            width: Terminal.width(of: 2))
        Terminal.complain("\r\(text)\u{1B}[K\(ending)")
    }

    /// `[#####.....]  50.0 %  1,234,567 lines  245,000 lines/s  12s left`
    static func text(
        done: Int64, total: Int64?, units: Int64, unit: String, seconds: Double, width: Int
    ) -> String {
        let rate = seconds > 0 ? Double(units) / seconds : 0
        let figures = "\(Readable.count(units)) \(unit)  \(Readable.count(Int64(rate))) \(unit)/s"
        guard let total, total > 0 else { return "\(figures)  \(Readable.seconds(seconds))" }
        let share = min(1, Double(done) / Double(total))
        let left = share > 0 ? Readable.seconds(seconds / share - seconds) + " left" : ""
        let tail = "  \(Readable.percent(share))  \(figures)  \(share < 1 ? left : Readable.seconds(seconds))"
        let room = min(40, width - tail.count - 3)
        guard room >= 5 else { return String(tail.drop { $0 == " " }) }
        let filled = Int(Double(room) * share)
        return "[" + String(repeating: "#", count: filled) + String(repeating: ".", count: room - filled)
            + "]"
            + tail
    }
}
