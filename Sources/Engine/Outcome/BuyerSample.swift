import Core

/// The buyers whose features are captured at anchors: those with the lowest hashes of their ids, up to a
/// number. Who is among them does not depend on the order in which they came.
struct BuyerSample {
    private struct Member {
        var hash: UInt64
        var slot: UInt32
    }

    private let limit: Int
    /// Ascending by hash.
    private var members: [Member] = []
    /// Lowest hash that had to go; nobody from there on comes in, so that whoever takes the place of an erased
    /// user is not chosen for coming late.
    private var bound = UInt64.max

    init(limit: Int) { self.limit = limit }

    var byteCount: Int { members.capacity * MemoryLayout<Member>.stride }

    /// Slots by the hashes: an order that does not depend on who came first.
    var slots: [UInt32] { members.map(\.slot) }

    mutating func consider(_ slot: Int, hash: UInt64) {
        guard hash < bound, limit > 0 else { return }
        var low = 0
        var high = members.count
        while low < high {
            let middle = (low + high) / 2
            if members[middle].hash < hash { low = middle + 1 } else { high = middle }
        }
        members.insert(Member(hash: hash, slot: UInt32(slot)), at: low)
        if members.count > limit { bound = members.removeLast().hash }
    }

    mutating func remove(_ slots: Set<UInt32>) { members.removeAll { slots.contains($0.slot) } }

    func write(to out: inout ByteWriter) {
        out.put(bound)
        out.put(UInt64(members.count))
        for member in members {
            out.put(member.hash)
            out.put(member.slot)
        }
    }

    init(from input: inout ByteReader, limit: Int, users: Int) throws(StateError) {
        self.init(limit: limit)
        bound = try input.get()
        let count = try input.count(of: 12)
        guard count <= limit else { throw StateError("a sample of \(count) buyers, at most \(limit)") }
        members.reserveCapacity(count)
        for _ in 0..<count {
            let member = Member(hash: try input.get(), slot: try input.get())
            guard Int(member.slot) < users, members.last.map({ $0.hash <= member.hash }) ?? true else {
                throw StateError("a sample of buyers is out of order")
            }
            members.append(member)
        }
    }
}
