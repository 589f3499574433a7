import Core
import Glibc

/// A log in several files, all lines of a user in the same one and in their order, as a balancer that
/// keeps to its users would send them. The files go with it.
struct SplitLog: ~Copyable {
    let paths: [String]

    private init(paths: [String]) { self.paths = paths }

    static func made(of path: String, parts: Int, in folder: String) throws -> SplitLog {
        let log = try MappedLog(path)
        let split = SplitLog(paths: (0..<parts).map { "\(folder)/roost-bench-\(getpid())-part\($0).ndjson" })
        for part in 0..<parts { try write(log, part: part, of: parts, to: split.paths[part]) }
        return split
    }

    deinit { for path in paths { unlink(path) } }

    private static func write(
        _ log: borrowing MappedLog, part: Int, of parts: Int, to path: String
    ) throws(SystemFailure) {
        let file = try File(creating: path)
        var out: [UInt8] = []
        var start = 0
        while start < log.bytes.count {
            let end = log.lineEnd(from: start)
            if owner(log, start..<end, parts) == part { out += log.bytes[start..<end] }
            start = end
            if out.count > 4 << 20 || start == log.bytes.count {
                try file.write(out)
                out.removeAll(keepingCapacity: true)
            }
        }
    }

    private static func owner(_ log: borrowing MappedLog, _ line: Range<Int>, _ parts: Int) -> Int {
        guard
            let user = log.value(after: "\"user_pseudo_id\":\"", in: line)
                ?? log.value(after: "\"user_id\":\"", in: line)
        else { return 0 }
        return Partitioning.partition(of: user) * parts / Partitioning.count
    }
}
