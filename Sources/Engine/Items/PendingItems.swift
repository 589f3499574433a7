import Core

/// The items of a purchase that has arrived and is not decided, in a block of the partition's pool: class of
/// the block and count of items, then the items.
extension BlockPool {
    private static let headBytes = 8

    /// - Returns: the block, 0 where there are no items.
    mutating func keep(_ marks: [ItemMark]) -> UInt32 {
        guard !marks.isEmpty else { return 0 }
        let size = MemoryLayout<ItemMark>.stride
        let (reference, sizeClass) = allocate(Self.headBytes + marks.count * size)
        let base = address(reference)
        base.storeBytes(of: UInt32(sizeClass), as: UInt32.self)
        base.storeBytes(of: UInt32(marks.count), toByteOffset: 4, as: UInt32.self)
        marks.withUnsafeBytes { raw in
            guard let bytes = raw.baseAddress else { return }
            (base + Self.headBytes).copyMemory(from: bytes, byteCount: raw.count)
        }
        return reference
    }

    /// The items of a block that `keep` gave.
    func marks(_ reference: UInt32) -> UnsafeBufferPointer<ItemMark> {
        guard reference != 0 else { return UnsafeBufferPointer(start: nil, count: 0) }
        let base = address(reference)
        return UnsafeBufferPointer(
            start: (base + Self.headBytes).assumingMemoryBound(to: ItemMark.self),
            count: Int(base.load(fromByteOffset: 4, as: UInt32.self)))
    }

    mutating func eraseMarks(_ reference: UInt32) {
        guard reference != 0 else { return }
        erase(reference, sizeClass: UInt8(truncatingIfNeeded: address(reference).load(as: UInt32.self)))
    }

    /// Bytes of such a block.
    func marksCapacity(_ reference: UInt32) -> Int {
        guard reference != 0 else { return 0 }
        let sizeClass = UInt8(truncatingIfNeeded: address(reference).load(as: UInt32.self))
        return capacity(class: sizeClass, reference: reference)
    }

    /// Whether a block whose reference is not known to be good holds items of known strings.
    func holdsMarks(_ reference: UInt32, strings: Int) -> Bool {
        if reference == 0 { return true }
        guard holds(reference, sizeClass: 0, used: Self.headBytes) else { return false }
        let sizeClass = address(reference).load(as: UInt32.self)
        let count = Int(address(reference).load(fromByteOffset: 4, as: UInt32.self))
        guard sizeClass <= UInt32(UInt8.max), count > 0, count <= 1 << 16,
            holds(
                reference, sizeClass: UInt8(sizeClass),
                used: Self.headBytes + count * MemoryLayout<ItemMark>.stride)
        else { return false }
        return marks(reference).allSatisfy {
            Int($0.item) < strings && ($0.category == ItemEntry.noCategory || Int($0.category) < strings)
        }
    }
}
