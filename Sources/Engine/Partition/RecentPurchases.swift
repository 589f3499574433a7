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
        let full = Int(account.pointee.recentCount) >= limit
        if full, recentTime(account, at: 0) > time { return }
        scratchBytes.removeAll(keepingCapacity: true)
        let used = Int(account.pointee.recentBytes)
        let old =
            used == 0
            ? UnsafeRawBufferPointer(start: nil, count: 0)
            : UnsafeRawBufferPointer(start: pool.address(account.pointee.recent), count: used)
        var offset = full ? Int(old.loadUnaligned(as: UInt32.self)) : 0
        var placed = false
        while offset < used {
            let length = Int(old.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            if !placed, old.loadUnaligned(fromByteOffset: offset + 4, as: Int64.self) > time {
                encode(row, value, time, batch)
                placed = true
            }
            for index in offset..<offset + length { scratchBytes.append(old[index]) }
            offset += length
        }
        if !placed { encode(row, value, time, batch) }
        store(account)
        if !full { account.pointee.recentCount += 1 }
    }

    private func store(_ account: UnsafeMutablePointer<AccountRecord>) {
        let size = scratchBytes.count
        if size > pool.capacity(class: account.pointee.recentClass, reference: account.pointee.recent) {
            (account.pointee.recent, account.pointee.recentClass) = pool.grow(
                account.pointee.recent, sizeClass: account.pointee.recentClass, used: 0, to: size)
        }
        let target = pool.address(account.pointee.recent)
        scratchBytes.withUnsafeBytes {
            target.copyMemory(from: $0.baseAddress.unsafelyUnwrapped, byteCount: size)
        }
        account.pointee.recentBytes = UInt32(size)
    }

    private func recentTime(_ account: UnsafeMutablePointer<AccountRecord>, at offset: Int) -> Int64 {
        pool.address(account.pointee.recent).loadUnaligned(fromByteOffset: offset + 4, as: Int64.self)
    }

    private func encode(
        _ row: UnsafePointer<EventRow>, _ value: Int64, _ time: Int64, _ batch: borrowing BatchView
    ) {
        let start = scratchBytes.count
        for _ in 0..<4 { scratchBytes.append(0) }
        appendFixed(UInt64(bitPattern: time))
        appendMoney(value)
        let items = Int(row.pointee.itemsCount)
        appendVarint(UInt64(items))
        for index in 0..<items {
            let item = batch.items[Int(row.pointee.itemsStart) + index]
            appendVarint(UInt64(strings.intern(batch.bytes(item.idOffset, item.idLength))))
            appendVarint(
                item.category == EventRow.absent
                    ? 0 : UInt64(strings.intern(batch.entry(item.category))) + 1)
            appendMoney(item.quantity)
            if item.price == ItemRow.noPrice {
                appendVarint(0)
            } else {
                appendVarint(1)
                appendMoney(item.price)
            }
        }
        let length = scratchBytes.count - start
        for index in 0..<4 { scratchBytes[start + index] = UInt8(truncatingIfNeeded: length >> (8 * index)) }
    }

    private func appendFixed(_ value: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            scratchBytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    private func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            scratchBytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        scratchBytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// Sign, decimal exponent and mantissa: most amounts are round.
    private func appendMoney(_ value: Int64) {
        var mantissa = value.magnitude
        var exponent: UInt8 = 0
        while exponent < 15, mantissa != 0, mantissa % 10 == 0 {
            mantissa /= 10
            exponent += 1
        }
        scratchBytes.append(exponent << 1 | (value < 0 ? 1 : 0))
        appendVarint(mantissa)
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
