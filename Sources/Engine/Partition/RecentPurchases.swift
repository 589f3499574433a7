import Core

/// The last purchases of a user with their items, as bytes of the account's `recent` block: oldest first,
/// each with its length (32 bits), time, value, count of items, and the items packed.
struct RecentPurchase {
    var time: Int64
    var value: Int64
    /// Partition's string numbers; nil category and price where not given.
    var items: [(id: UInt32, category: UInt32?, quantity: Int64, price: Int64?)]
}

extension Partition {
    func rememberPurchase(
        _ account: UnsafeMutablePointer<AccountRecord>, _ row: UnsafePointer<EventRow>, _ value: Int64,
        _ time: Int64, _ batch: borrowing BatchView
    ) {
        let limit = settings.recentPurchases
        if limit == 0 { return }
        let isFull = Int(account.pointee.recentCount) >= limit
        if isFull, recentTime(account, at: 0) > time { return }
        let bound = PurchaseEncoder.bound(items: Int(row.pointee.itemsCount))
        // What is borrowed cannot be captured.
        let batch = copy batch
        withUnsafeTemporaryAllocation(byteCount: bound, alignment: 8) { room in
            let count = encode(row, value, time, batch, to: room)
            let dropped = isFull ? length(account, at: 0) : 0
            insert(UnsafeRawBufferPointer(rebasing: room[..<count]), time, account, dropping: dropped)
        }
        if !isFull { account.pointee.recentCount += 1 }
    }

    /// Puts a purchase behind those that are no later, in place of the first bytes.
    private func insert(
        _ entry: UnsafeRawBufferPointer, _ time: Int64, _ account: UnsafeMutablePointer<AccountRecord>,
        dropping dropped: Int
    ) {
        let used = Int(account.pointee.recentBytes)
        var place = dropped
        while place < used, recentTime(account, at: place) <= time { place += length(account, at: place) }
        let size = used - dropped + entry.count
        let old = account.pointee.recent
        let oldClass = account.pointee.recentClass
        if size > pool.capacity(class: oldClass, reference: old) {
            (account.pointee.recent, account.pointee.recentClass) = pool.allocate(size)
        }
        let target = pool.address(account.pointee.recent)
        let gap = target + (place - dropped)
        if used > 0 {
            let source = pool.address(old)
            func moveHead() { target.copyMemory(from: source + dropped, byteCount: place - dropped) }
            func moveTail() { (gap + entry.count).copyMemory(from: source + place, byteCount: used - place) }
            // Within one block neither may overwrite what the other has yet to move.
            if entry.count > dropped {
                moveTail()
                moveHead()
            } else {
                moveHead()
                moveTail()
            }
        }
        if let bytes = entry.baseAddress { gap.copyMemory(from: bytes, byteCount: entry.count) }
        if account.pointee.recent != old { pool.free(old, sizeClass: oldClass) }
        account.pointee.recentBytes = UInt32(size)
    }

    private func length(_ account: UnsafeMutablePointer<AccountRecord>, at offset: Int) -> Int {
        Int(pool.address(account.pointee.recent).loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    private func recentTime(_ account: UnsafeMutablePointer<AccountRecord>, at offset: Int) -> Int64 {
        pool.address(account.pointee.recent).loadUnaligned(fromByteOffset: offset + 4, as: Int64.self)
    }

    /// - Returns: bytes written.
    private func encode(
        _ row: UnsafePointer<EventRow>, _ value: Int64, _ time: Int64, _ batch: borrowing BatchView,
        to room: UnsafeMutableRawBufferPointer
    ) -> Int {
        var out = PurchaseEncoder(room)
        out.put(time)
        out.put(money: value)
        let items = Int(row.pointee.itemsCount)
        out.put(UInt64(items))
        for index in 0..<items {
            let item = batch.items[Int(row.pointee.itemsStart) + index]
            out.put(UInt64(scratchItems[index].item))
            out.put(item.category == EventRow.absent ? 0 : UInt64(intern(item.category, batch)) + 1)
            out.put(money: item.quantity)
            out.put(item.price == ItemRow.noPrice ? UInt64(0) : 1)
            if item.price != ItemRow.noPrice { out.put(money: item.price) }
        }
        return out.finish()
    }

    /// Oldest first.
    func recentPurchases(_ account: UnsafeMutablePointer<AccountRecord>) -> [RecentPurchase] {
        let used = Int(account.pointee.recentBytes)
        if used == 0 { return [] }
        let bytes = UnsafeRawBufferPointer(start: pool.address(account.pointee.recent), count: used)
        var result: [RecentPurchase] = []
        var offset = 0
        func varint() -> UInt64 {
            var value: UInt64 = 0
            var shift: UInt64 = 0
            while true {
                let byte = bytes[offset]
                offset += 1
                value |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return value }
                shift += 7
            }
        }
        func money() -> Int64 {
            let head = bytes[offset]
            offset += 1
            var value = Int64(truncatingIfNeeded: varint())
            for _ in 0..<(head >> 1) { value = value &* 10 }
            return head & 1 == 1 ? -value : value
        }
        while offset < used {
            let end = offset + Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            let time = bytes.loadUnaligned(fromByteOffset: offset + 4, as: Int64.self)
            offset += 12
            var purchase = RecentPurchase(time: time, value: money(), items: [])
            for _ in 0..<Int(varint()) {
                let id = UInt32(varint())
                let category = varint()
                let quantity = money()
                let price: Int64? = varint() == 1 ? money() : nil
                purchase.items.append((id, category == 0 ? nil : UInt32(category - 1), quantity, price))
            }
            result.append(purchase)
            offset = end
        }
        return result
    }

    /// Whether the bytes hold what `recentPurchases` reads, with numbers of known strings.
    func recentPurchasesAreWhole(_ account: UnsafeMutablePointer<AccountRecord>) -> Bool {
        let used = Int(account.pointee.recentBytes)
        if used == 0 { return account.pointee.recentCount == 0 }
        let bytes = UnsafeRawBufferPointer(start: pool.address(account.pointee.recent), count: used)
        var offset = 0
        var end = 0
        func varint() -> UInt64? {
            var value: UInt64 = 0
            for shift in stride(from: UInt64(0), to: 70, by: 7) {
                guard offset < end else { return nil }
                let byte = bytes[offset]
                offset += 1
                value |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return value }
            }
            return nil
        }
        func skipMoney() -> Bool {
            offset += 1
            return varint() != nil
        }
        var count = 0
        while offset < used {
            guard used - offset >= 12 else { return false }
            end = offset + Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            guard end >= offset + 12, end <= used else { return false }
            offset += 12
            guard skipMoney(), let items = varint(), items <= UInt64(end - offset) else { return false }
            for _ in 0..<Int(items) {
                guard let id = varint(), id < UInt64(strings.count), let category = varint(),
                    category <= UInt64(strings.count), skipMoney(), let priced = varint()
                else { return false }
                if priced == 1, !skipMoney() { return false }
            }
            guard offset == end else { return false }
            count += 1
        }
        return count == Int(account.pointee.recentCount)
    }
}

/// Writes one purchase into memory that is large enough.
private struct PurchaseEncoder {
    private let out: UnsafeMutableRawBufferPointer
    /// Behind the length, which comes last.
    private var count = 4

    init(_ out: UnsafeMutableRawBufferPointer) { self.out = out }

    /// No purchase takes more: every number at its longest.
    static func bound(items: Int) -> Int {
        let (number, money) = (10, 11)
        return 4 + 8 + money + number + items * (3 * number + 2 * money)
    }

    mutating func put(_ time: Int64) {
        out.storeBytes(of: time.littleEndian, toByteOffset: count, as: Int64.self)
        count += 8
    }

    mutating func put(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            out[count] = UInt8(truncatingIfNeeded: rest) | 0x80
            count += 1
            rest >>= 7
        }
        out[count] = UInt8(truncatingIfNeeded: rest)
        count += 1
    }

    /// Sign, decimal exponent and mantissa: most amounts are round.
    mutating func put(money value: Int64) {
        var mantissa = value.magnitude
        var exponent: UInt8 = 0
        while exponent < 15, mantissa != 0, mantissa % 10 == 0 {
            mantissa /= 10
            exponent += 1
        }
        out[count] = exponent << 1 | (value < 0 ? 1 : 0)
        count += 1
        put(mantissa)
    }

    /// Writes the length; gives it.
    func finish() -> Int {
        out.storeBytes(of: UInt32(count).littleEndian, as: UInt32.self)
        return count
    }
}
