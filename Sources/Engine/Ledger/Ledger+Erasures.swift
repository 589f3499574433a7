package import Core

/// Erasures whose marks are on record and whose traces may still be on disk.
package struct PendingErasures: Sendable, Equatable {
    /// Marks by the journal record that erased them, ascending by record.
    package private(set) var batches: [(record: UInt64, marks: [ErasureMark])] = []

    package init() {}

    package var isEmpty: Bool { batches.isEmpty }
    package var count: Int { batches.reduce(0) { $0 + $1.marks.count } }
    package var lastRecord: UInt64? { batches.last?.record }

    mutating func add(_ marks: [ErasureMark], record: UInt64) { batches.append((record, marks)) }

    /// The files hold nothing any more of what was erased up to a record.
    mutating func finish(through record: UInt64) { batches.removeAll { $0.record <= record } }

    package static func == (a: PendingErasures, b: PendingErasures) -> Bool {
        a.batches.elementsEqual(b.batches) { $0.record == $1.record && $0.marks == $1.marks }
    }

    func write(to out: inout ByteWriter) {
        out.put(UInt64(batches.count))
        for batch in batches {
            out.put(batch.record)
            out.put(batch.marks)
        }
    }

    init(from input: inout ByteReader) throws(StateError) {
        for _ in 0..<(try input.count(of: 16)) {
            let record: UInt64 = try input.get()
            batches.append((record, try input.getMarks()))
        }
    }
}

extension ByteWriter {
    mutating func put(_ marks: [ErasureMark]) {
        put(UInt64(marks.count))
        for mark in marks {
            put(mark.high)
            put(mark.low)
            put(mark.partition)
        }
    }
}

extension ByteReader {
    mutating func getMarks() throws(StateError) -> [ErasureMark] {
        var marks: [ErasureMark] = []
        for _ in 0..<(try count(of: 17)) {
            let high: UInt64 = try get()
            let low: UInt64 = try get()
            let partition: UInt8 = try get()
            guard Int(partition) < Partitioning.count else {
                throw StateError("an erasure is of partition \(partition)")
            }
            marks.append(ErasureMark(high: high, low: low, partition: partition))
        }
        return marks
    }
}
