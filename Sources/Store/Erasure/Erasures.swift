package import Core

/// An erasure whose traces may still be in files.
package struct PendingErasure: Sendable, Equatable {
    package var receipt: String
    package var mark: ErasureMark
    /// Nil where only the mark is known.
    package var user: [UInt8]?
    package var requestedAt: EventTime
    /// Journal record that has erased the user from the state; nil before.
    package var record: UInt64?
    /// Events of the user that the state had counted.
    package var events: Int64 = 0
    /// Newest trigger and dead letter when the record was applied.
    package var triggers: Int64 = 0
    package var letters: Int64 = 0

    package init(receipt: String, mark: ErasureMark, user: [UInt8]?, requestedAt: EventTime) {
        self.receipt = receipt
        self.mark = mark
        self.user = user
        self.requestedAt = requestedAt
    }
}

/// An erasure that is done, and what it took.
package struct FinishedErasure: Sendable, Equatable {
    package var receipt: String
    package var mark: ErasureMark
    package var requestedAt: EventTime
    package var doneAt: EventTime
    package var record: UInt64
    package var removed: ErasureView.Removed

    package init(_ pending: PendingErasure, record: UInt64, doneAt: EventTime, removed: ErasureView.Removed) {
        receipt = pending.receipt
        mark = pending.mark
        requestedAt = pending.requestedAt
        self.doneAt = doneAt
        self.record = record
        self.removed = removed
    }
}

// MARK: Lines

extension PendingErasure {
    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.head(receipt, mark, requestedAt)
        if let user {
            writer.key("user_hex")
            writer.value(user.hexadecimal)
        }
        if let record {
            writer.key("record")
            writer.value(record)
        }
        writer.number("events", events)
        writer.number("triggers", triggers)
        writer.number("letters", letters)
        writer.endObject()
        writer.newline()
    }

    init(line: [UInt8], of path: String) throws(ErasureRegisterError) {
        let fields = try Fields(line, of: path)
        self.init(
            receipt: try fields.text("receipt"), mark: try fields.mark(), user: nil,
            requestedAt: EventTime(microseconds: try fields.number("requested")))
        if let hexadecimal = fields.optionalText("user_hex") {
            guard let bytes = [UInt8](hexadecimal: hexadecimal) else { throw fields.bad("user_hex") }
            user = bytes
        }
        record = fields.optionalNumber("record").map { UInt64(bitPattern: $0) }
        events = try fields.number("events")
        triggers = try fields.number("triggers")
        letters = try fields.number("letters")
    }
}

extension FinishedErasure {
    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.head(receipt, mark, requestedAt)
        writer.number("done", doneAt.microseconds)
        writer.key("record")
        writer.value(record)
        for (name, path) in ErasureView.Removed.counts { writer.number(name, removed[keyPath: path]) }
        if let search = removed.search {
            writer.number("searched_bytes", search.bytes)
            writer.number("found", search.found)
        }
        writer.endObject()
        writer.newline()
    }

    init(line: [UInt8], of path: String) throws(ErasureRegisterError) {
        let fields = try Fields(line, of: path)
        receipt = try fields.text("receipt")
        mark = try fields.mark()
        requestedAt = EventTime(microseconds: try fields.number("requested"))
        doneAt = EventTime(microseconds: try fields.number("done"))
        record = UInt64(bitPattern: try fields.number("record"))
        removed = ErasureView.Removed()
        for (name, path) in ErasureView.Removed.counts { removed[keyPath: path] = try fields.number(name) }
        if let bytes = fields.optionalNumber("searched_bytes"), let found = fields.optionalNumber("found") {
            removed.search = ErasureView.Search(bytes: bytes, found: found)
        }
    }
}

extension JSONWriter {
    fileprivate mutating func number(_ name: String, _ number: Int64) {
        key(name)
        value(number)
    }

    fileprivate mutating func head(_ receipt: String, _ mark: ErasureMark, _ requestedAt: EventTime) {
        key("receipt")
        value(receipt)
        key("mark")
        value(mark.text)
        number("partition", Int64(mark.partition))
        number("requested", requestedAt.microseconds)
    }
}

/// Members of a line, with what is missing told by name.
private struct Fields {
    private let tree: JSONValue
    private let path: String

    init(_ line: [UInt8], of path: String) throws(ErasureRegisterError) {
        self.path = path
        do throws(JSONReadError) { tree = try JSONReader.parse(line) } catch {
            throw .damaged(path: path, reason: "a line is not JSON: \(error)")
        }
    }

    func bad(_ name: String) -> ErasureRegisterError {
        .damaged(path: path, reason: "a line has no proper \(name)")
    }

    func optionalText(_ name: String) -> String? {
        if case .string(let text)? = tree[name] { text } else { nil }
    }

    func optionalNumber(_ name: String) -> Int64? {
        if case .integer(let number)? = tree[name] { number } else { nil }
    }

    func text(_ name: String) throws(ErasureRegisterError) -> String {
        guard let text = optionalText(name) else { throw bad(name) }
        return text
    }

    func number(_ name: String) throws(ErasureRegisterError) -> Int64 {
        guard let number = optionalNumber(name) else { throw bad(name) }
        return number
    }

    func mark() throws(ErasureRegisterError) -> ErasureMark {
        guard let partition = UInt8(exactly: try number("partition")),
            let mark = ErasureMark(text: try text("mark"), partition: partition)
        else { throw bad("mark") }
        return mark
    }
}

extension [UInt8] {
    fileprivate var hexadecimal: String {
        let digits = Array<UInt8>("0123456789abcdef".utf8)
        return String(
            decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    fileprivate init?(hexadecimal text: String) {
        let digits = Array<UInt8>(text.utf8)
        guard digits.count % 2 == 0 else { return nil }
        self = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let byte = UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16)
            else { return nil }
            append(byte)
        }
    }
}
