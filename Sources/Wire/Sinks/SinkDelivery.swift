import Core

/// Triggers on their way to a receiver: whole lines of NDJSON in the order of their numbers.
struct SinkBatch: Sendable, Equatable {
    var lines: [UInt8]
    /// Number of each line's trigger, ascending; not empty.
    var seqs: [Int64]
    /// What a receiver tells repeats by: the id of the first trigger.
    var key: String

    var first: Int64 { seqs[0] }
    var last: Int64 { seqs[seqs.count - 1] }
}

/// Why a batch was not delivered; it is tried again.
struct SinkFailure: Error, Equatable, CustomStringConvertible {
    /// In words, without anything that was sent or answered.
    var description: String
    /// What the receiver asks to be waited, microseconds.
    var wait: Int64 = 0

    init(_ description: String, wait: Int64 = 0) {
        self.description = description
        self.wait = wait
    }
}

/// One kind of receiver. Called on the queue of its sink, which it may block, but for `interrupt`.
protocol SinkDelivery: AnyObject, Sendable {
    /// Most triggers of a batch.
    var most: Int { get }
    /// What could not be delivered so long after it was recorded is given up; nil: nothing is.
    var deadLetterAfter: Int64? { get }

    /// Delivers all of a batch; when it throws, any part may have been delivered.
    func deliver(_ batch: borrowing SinkBatch) throws(SinkFailure)
    /// Ends what blocks, now and later; from any queue.
    func interrupt()
    /// Lets go of connections and files.
    func close()
}

/// Cuts a page of the outbox into batches.
enum SinkBatches {
    private static let head = Array("{\"seq\":".utf8)
    private static let id = Array(",\"id\":\"".utf8)

    /// - Parameters:
    ///   - page: lines as the outbox encodes them, the number first and then, but of an erased one, the id.
    ///   - most: triggers of a batch.
    ///   - through: the first batch ends with this number at the latest; 0: no bound.
    static func cut(_ page: [UInt8], most: Int, firstThrough through: Int64 = 0) -> [SinkBatch] {
        var batches: [SinkBatch] = []
        var start = 0
        while start < page.count {
            let end = page[start...].firstIndex(of: 0x0A).map { $0 + 1 } ?? page.count
            let line = page[start..<end]
            let (seq, key) = numbered(line)
            let isBeyond = batches.count == 1 && through > 0 && seq > through
            if let count = batches.last?.seqs.count, count < most, !isBeyond {
                batches[batches.count - 1].lines += line
                batches[batches.count - 1].seqs.append(seq)
            } else {
                batches.append(SinkBatch(lines: Array(line), seqs: [seq], key: key))
            }
            start = end
        }
        return batches
    }

    private static func numbered(_ line: ArraySlice<UInt8>) -> (seq: Int64, key: String) {
        precondition(line.starts(with: head), "a line of the outbox begins with its number")
        var rest = line.dropFirst(head.count)
        var seq: Int64 = 0
        while let digit = rest.first, (0x30...0x39).contains(digit) {
            seq = seq * 10 + Int64(digit - 0x30)
            rest.removeFirst()
        }
        guard rest.starts(with: id) else { return (seq, "erased-\(seq)") }
        return (seq, String(decoding: rest.dropFirst(id.count).prefix { $0 != 0x22 }, as: UTF8.self))
    }
}
