import Core

/// What a bench found, as lines of name and value.
struct Figures {
    private var rows: [(name: String, value: String)] = []

    mutating func add(_ name: String, _ value: String) { rows.append((name, value)) }

    mutating func add(_ name: String, count: Int64) { add(name, Readable.count(count)) }

    /// - Parameter microseconds: that `count` took.
    mutating func add(_ name: String, count: Int64, in microseconds: Int64) {
        add(
            name,
            "\(Self.rate(count, microseconds)) events/s, \(Self.nanoseconds(count, microseconds)) ns each")
    }

    var text: String {
        let width = rows.map(\.name.count).max() ?? 0
        return rows.map { "\(Help.padded($0.name, width))  \($0.value)\n" }.joined()
    }

    func print() throws(SystemFailure) { try File(borrowing: 1).write(text) }

    static func rate(_ count: Int64, _ microseconds: Int64) -> String {
        Readable.count(Int64(Double(count) * 1e6 / Double(max(1, microseconds))))
    }

    static func nanoseconds(_ count: Int64, _ microseconds: Int64) -> String {
        Readable.fixed(Double(microseconds) * 1000 / Double(max(1, count)), 1)
    }

    /// `1.250 s`
    static func seconds(_ microseconds: Int64) -> String {
        "\(Readable.fixed(Double(microseconds) / 1e6, 3)) s"
    }

    /// `3.1 ms`
    static func milliseconds(_ microseconds: Int64) -> String {
        "\(Readable.fixed(Double(microseconds) / 1e3, 2)) ms"
    }

    static func each(_ total: Int64, _ count: Int64) -> String {
        Readable.fixed(Double(total) / Double(max(1, count)), 1)
    }
}
